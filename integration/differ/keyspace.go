package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// questions are asked of every key; the answers must be the same by the list.
func questions(key string) [][]string {
	return [][]string{
		{"TYPE", key}, {"OBJECT", "ENCODING", key}, {"PTTL", key}, {"DUMP", key}, {"DEBUG", "DIGEST-VALUE", key},
		{"XINFO", "STREAM", key, "FULL", "COUNT", "0"},
	}
}

// compareAll compares the whole keyspaces, key by key and by their digests, and the
// followers' digests with their leader's.
func (p *pair) compareAll() *failure {
	for db := range databases {
		for _, s := range []*side{&p.ours, &p.theirs} {
			if _, err := s.look().do("SELECT", strconv.Itoa(db)); err != nil {
				return p.broken(0, err)
			}
		}
		if f := p.compareDB(db); f != nil {
			return f
		}
	}
	for _, s := range []*side{&p.ours, &p.theirs} {
		if _, err := s.look().do("SELECT", "0"); err != nil {
			return p.broken(0, err)
		}
	}
	if f := p.settledSame(onLook, []string{"DEBUG", "DIGEST"}); f != nil {
		return f
	}
	if err := p.nodes.followersAgree(); err != nil {
		return &failure{what: "the followers", got: err.Error()}
	}
	return nil
}

// removal is how long a key may be there after its time is over while nobody asks for
// it: redis-server removes some ten times a second.
const removal = time.Second

// settledSame compares the replies to what counts keys whose time is over until they
// are removed: they must become the same.
func (p *pair) settledSame(on int, args []string) (f *failure) {
	p.commands++
	for end := time.Now().Add(removal); ; time.Sleep(pollEvery) {
		got, want, broken := p.both(on, args)
		if broken != nil {
			return broken
		}
		if same(got, want) {
			return nil
		}
		if time.Now().After(end) {
			f := differ(args, got, want)
			f.what = "keyspace " + f.what
			return f
		}
	}
}

// pollEvery is the pause between two looks.
const pollEvery = 5 * time.Millisecond

func (p *pair) compareDB(db int) *failure {
	var keys [2][]string
	for i, s := range []*side{&p.ours, &p.theirs} {
		v, err := s.look().do("KEYS", "*")
		if err != nil {
			return p.broken(0, err)
		}
		keys[i] = texts(v, nil)
		slices.Sort(keys[i])
	}
	if !slices.Equal(keys[0], keys[1]) {
		return &failure{what: "keyspace keys", got: fmt.Sprintf("%d: %q", db, keys[0]), want: fmt.Sprintf("%q", keys[1])}
	}
	var ask [][]string
	for _, key := range keys[0] {
		ask = append(ask, questions(key)...)
	}
	return p.compareLooks("keyspace", ask)
}

// compareLooks asks both.
func (p *pair) compareLooks(what string, ask [][]string) *failure {
	for chunk := range slices.Chunk(ask, longestBatch) {
		for _, s := range []*side{&p.ours, &p.theirs} {
			if err := s.look().send(chunk...); err != nil {
				return p.broken(0, err)
			}
		}
		var first *failure
		for _, args := range chunk {
			got, errA := p.ours.look().read()
			want, errB := p.theirs.look().read()
			if errA != nil || errB != nil {
				return p.broken(0, fmt.Errorf("%w, %w", errA, errB))
			}
			p.commands++
			if first == nil && !p.judge.agree(args, got, want, p.loose) {
				first = differ(args, got, want)
				first.what = what + " " + strings.ToLower(strings.Join(args[:min(2, len(args))], " ")) + " of " + family(args)
			}
		}
		if first != nil {
			return first
		}
	}
	return nil
}

// family is the first letter of the key that a question is about.
func family(args []string) string {
	for _, a := range args[1:] {
		if len(a) == 2 {
			return a
		}
	}
	return "all"
}

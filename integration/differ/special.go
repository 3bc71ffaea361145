package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// passedOver reports whether a command is looked at by passOver.
func passedOver(args []string) bool {
	name := strings.ToLower(args[0])
	return name == "dbsize" || distances(args) || strings.HasPrefix(name, "sort") || byLex(args) || name == "spop" || clockID(args) > 0
}

// distances reports whether a command may store distances.
func distances(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return isWord(a, "STOREDIST") })
}

// storeDistances stores distances, whose last digits are those of the library that
// takes sines: they are compared, and removed.
func (p *pair) storeDistances(s *step) *failure {
	got, want, f := p.both(s.on, s.args)
	if f != nil {
		return f
	}
	if f := p.compare(s, got, want); f != nil || want.failed() {
		return f
	}
	dest := s.args[1]
	if at := slices.IndexFunc(s.args, func(a string) bool { return isWord(a, "STOREDIST") }); strings.HasPrefix(strings.ToLower(s.args[0]), "georadius") {
		dest = s.args[min(at+1, len(s.args)-1)]
	}
	show := []string{"ZRANGE", dest, "0", "-1", "WITHSCORES"}
	if got, want, f = p.both(s.on, show); f != nil {
		return f
	}
	a, b := texts(got, nil), texts(want, nil)
	for i := range a {
		if len(a) != len(b) || a[i] != b[i] && (i%2 == 0 || !alike(a[i], b[i])) {
			return differ(s.args, got, want)
		}
	}
	_, _, f = p.both(s.on, []string{"DEL", dest})
	return f
}

// alike reports whether two numbers differ in their last digits only.
func alike(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && math.Abs(x-y) <= 1e-8*math.Max(math.Abs(x), 1)
}

// clockID is where an XADD leaves its ID to the clock, 0: it does not.
func clockID(args []string) int {
	at, is := 2, func(at int, words ...string) bool {
		return at < len(args) && slices.ContainsFunc(words, func(word string) bool { return isWord(args[at], word) })
	}
	for strings.EqualFold(args[0], "XADD") {
		switch {
		case is(at, "NOMKSTREAM"):
			at++
		case is(at, "LIMIT"):
			at += 2
		case is(at, "MAXLEN", "MINID"):
			if at++; is(at, "=", "~") {
				at++
			}
			at++
		case is(at, "*"):
			return at
		default:
			return 0
		}
	}
	return 0
}

// byLex reports whether a command has a range of members.
func byLex(args []string) bool {
	return strings.HasSuffix(strings.ToLower(args[0]), "bylex") || strings.EqualFold(args[0], "ZLEXCOUNT") ||
		slices.ContainsFunc(args, func(a string) bool { return isWord(a, "BYLEX") })
}

// passOver reports whether a step is left out, because what it does at redis-server
// cannot be compared:
//   - SORT turns a small sorted set into a large one there, though it is a read;
//   - a range of members is defined where all scores are equal: elsewhere it depends on
//     a skiplist's levels, which are random;
//   - what counts keys that have expired, as DBSIZE does, cannot be asked again inside a
//     transaction, and what is random, or the clock's, or a distance, cannot be mirrored there.
func (p *pair) passOver(s *step) (bool, error) {
	if p.queues[s.on] != nil {
		return true, nil
	}
	l := p.theirs.links[s.on]
	switch strings.ToLower(s.args[0]) {
	case "spop", "xadd", "dbsize":
		return false, nil
	}
	if len(s.args) < 2 || distances(s.args) {
		return false, nil
	}
	key := s.args[1]
	if strings.EqualFold(s.args[0], "ZRANGESTORE") && len(s.args) > 2 {
		key = s.args[2]
	}
	if !byLex(s.args) {
		v, err := l.do("OBJECT", "ENCODING", key)
		if err != nil || v.text != "listpack" {
			return false, err
		}
		v, err = l.do("TYPE", key)
		return v.text == "zset", err
	}
	v, err := l.do("ZRANGE", key, "0", "-1", "WITHSCORES")
	if err != nil || v.failed() {
		return false, err
	}
	all := texts(v, nil)
	for i := 3; i < len(all); i += 2 {
		if all[i] != all[1] {
			return true, nil
		}
	}
	return false, nil
}

// listing is a command that shows everything that a random one chooses from.
func listing(args []string) []string {
	switch strings.ToLower(args[0]) {
	case "randomkey":
		return []string{"KEYS", "*"}
	case "hrandfield":
		return []string{"HGETALL", args[1]}
	case "zrandmember":
		return []string{"ZRANGE", args[1], "0", "-1", "WITHSCORES"}
	}
	return []string{"SMEMBERS", args[1]}
}

// random carries out what chooses at random: what Regent has chosen must be there at
// redis-server, and what it has taken away is taken away there, too.
func (p *pair) random(s *step) *failure {
	if len(s.args) < 2 && !strings.EqualFold(s.args[0], "RANDOMKEY") {
		got, want, f := p.both(s.on, s.args)
		if f != nil {
			return f
		}
		return p.compare(s, got, want)
	}
	all, err := p.theirs.links[s.on].do(listing(s.args)...)
	if err != nil {
		return p.broken(0, err)
	}
	got, err := p.ours.links[s.on].do(s.args...)
	if err != nil {
		return p.broken(0, err)
	}
	spop := strings.EqualFold(s.args[0], "SPOP")
	if spop && !got.failed() && len(s.args) <= 3 {
		return p.popped(s, got, all)
	}
	want, err := p.theirs.links[s.on].do(s.args...)
	if err != nil {
		return p.broken(0, err)
	}
	if f := p.compare(s, got, want); f != nil || got.failed() || same(got, want) {
		return f
	}
	known := texts(all, nil)
	for _, t := range texts(got, nil) {
		if !slices.Contains(known, t) {
			return &failure{what: nameOf(s.args) + " chooses what is not there", got: show(got), want: show(all)}
		}
	}
	return nil
}

// texts are the texts of a reply, doubles without their kind.
func texts(v value, found []string) []string {
	if len(v.elems) == 0 && !v.null && !strings.ContainsRune("*~%>", rune(v.kind)) {
		return append(found, v.text)
	}
	for _, el := range v.elems {
		found = texts(el, found)
	}
	return found
}

// popped has redis-server remove what Regent's SPOP has removed.
func (p *pair) popped(s *step, got, all value) *failure {
	p.commands++
	if p.cover != nil {
		p.cover.note(s, false)
	}
	members := texts(got, nil)
	count := min(1, len(all.elems))
	if len(s.args) == 3 {
		n, err := strconv.Atoi(s.args[2])
		if err != nil {
			return differ(s.args, got, all)
		}
		count = min(n, len(all.elems))
	}
	slices.Sort(members)
	if all.failed() || len(members) != count || len(slices.Compact(slices.Clone(members))) != count {
		return differ(s.args, got, all)
	}
	if count == 0 {
		return nil
	}
	v, err := p.theirs.links[s.on].do(append([]string{"SREM", s.args[1]}, members...)...)
	if err != nil {
		return p.broken(0, err)
	}
	if v.text != strconv.Itoa(count) {
		return &failure{what: "spop takes what is not there", got: show(got), want: show(all)}
	}
	// A set of which much is taken is built anew, with the encoding that the rest has
	// then; SREM does not do that.
	mine, errA := p.ours.links[s.on].do("OBJECT", "ENCODING", s.args[1])
	its, errB := p.theirs.links[s.on].do("OBJECT", "ENCODING", s.args[1])
	if errA != nil || errB != nil {
		return p.broken(0, fmt.Errorf("%w, %w", errA, errB))
	}
	if !same(mine, its) {
		_, _, f := p.both(s.on, []string{"DEL", s.args[1]})
		return f
	}
	return nil
}

// scan walks a whole keyspace or collection on both sides; what was found must be the
// same. A command that is wrong is just compared.
func (p *pair) scan(s *step) *failure {
	got, want, f := p.both(s.on, s.args)
	if f != nil {
		return f
	}
	if f := p.compare(s, got, want); f != nil || want.failed() {
		return f
	}
	at := 2
	if strings.EqualFold(s.args[0], "SCAN") {
		at = 1
	}
	var found [2]value
	for i, l := range []*link{p.ours.links[s.on], p.theirs.links[s.on]} {
		args := slices.Clone(s.args)
		for args[at] = "0"; ; {
			v, err := l.do(args...)
			if err != nil {
				return p.broken(0, err)
			}
			if len(v.elems) != 2 {
				return differ(s.args, got, want)
			}
			found[i].kind = v.elems[1].kind
			found[i].elems = append(found[i].elems, v.elems[1].elems...)
			if args[at] = v.elems[0].text; args[at] == "0" {
				break
			}
		}
	}
	same := unordered
	if name := strings.ToLower(s.args[0]); name == "hscan" || name == "zscan" {
		same = unorderedPairs
	}
	if !same(s.args, found[0], found[1]) {
		return differ(s.args, found[0], found[1])
	}
	return nil
}

// addNow adds an entry whose ID is the clock's: redis-server is told Regent's.
func (p *pair) addNow(s *step) *failure {
	got, err := p.ours.links[s.on].do(s.args...)
	if err != nil {
		return p.broken(0, err)
	}
	args := slices.Clone(s.args)
	if got.kind == '$' && !got.null {
		args[clockID(args)] = got.text
	}
	want, err := p.theirs.links[s.on].do(args...)
	if err != nil {
		return p.broken(0, err)
	}
	return p.compare(s, got, want)
}

// blockPoll is the pause between two looks at whether a client is blocked.
const blockPoll = 200 * time.Microsecond

// block carries out a command that may block: whether it does must be the same, and
// what it answers when something happens, or when it is unblocked.
func (p *pair) block(s *step) *failure {
	for _, sd := range []*side{&p.ours, &p.theirs} {
		if err := sd.links[s.on].send(s.args); err != nil {
			return p.broken(0, err)
		}
	}
	if p.queues[onMain] != nil { // what would wake it waits for EXEC
		return p.unblock(s)
	}
	for _, sd := range []*side{&p.ours, &p.theirs} {
		if err := settled(sd, s.on); err != nil {
			return p.broken(0, err)
		}
	}
	for _, args := range s.then {
		if p.plain(&step{args: args}) {
			got, want, f := p.both(onMain, args)
			if f != nil {
				return f
			}
			if f := p.compare(&step{args: args}, got, want); f != nil {
				return f
			}
		}
	}
	return p.unblock(s)
}

// settled returns when the connection has been answered or is blocked.
func settled(sd *side, on int) error {
	l := sd.links[on]
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if l.hasReply(blockPoll) {
			return nil
		}
		v, err := sd.look().do("CLIENT", "LIST", "ID", l.id)
		if err != nil {
			return err
		}
		if _, flags, _ := strings.Cut(v.text, " flags="); strings.Contains(strings.SplitN(flags, " ", 2)[0], "b") {
			return nil
		}
	}
	return fmt.Errorf("client %s is neither answered nor blocked", l.id)
}

// unblock ends what waits still and compares the replies.
func (p *pair) unblock(s *step) *failure {
	var ended [2]value
	for i, sd := range []*side{&p.ours, &p.theirs} {
		if err := settled(sd, s.on); err != nil {
			return p.broken(0, err)
		}
		v, err := sd.look().do("CLIENT", "UNBLOCK", sd.links[s.on].id)
		if err != nil {
			return p.broken(0, err)
		}
		ended[i] = v
	}
	got, want, f := p.read(s.on)
	if f != nil {
		return f
	}
	if f := p.compare(s, got, want); f != nil {
		return f
	}
	if !same(ended[0], ended[1]) {
		return &failure{what: nameOf(s.args) + " blocks", got: show(ended[0]), want: show(ended[1])}
	}
	return nil
}

// restart ends Regent, starts it again on its log, and tells it what CONFIG SET had said.
func (p *pair) restart() *failure {
	p.ours.close()
	if err := p.nodes.restart(); err != nil {
		return p.broken(0, err)
	}
	p.ours.addr = p.nodes.leader.Addr()
	for _, sd := range []*side{&p.ours, &p.theirs} {
		if err := sd.connect(); err != nil {
			return p.broken(0, err)
		}
	}
	p.queues, p.loose = [linkCount][][]string{}, true
	for name, val := range p.settings {
		if _, err := p.ours.look().do("CONFIG", "SET", name, val); err != nil {
			return p.broken(0, err)
		}
	}
	return nil
}

package engine

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// A foreignError is a record of a log for a value of a type that this server
// does not have. Redis wrote it, or a later version of Regent.
type foreignError struct {
	command string // in lower case
	kind    string // the type
	db      int
	key     []byte
}

func (e *foreignError) Error() string {
	const shown = 128 // bytes of a key
	return fmt.Sprintf("key %q in database %d is a %s (%s), a type this server does not have", Clip(e.key, shown), e.db, e.kind, strings.ToUpper(e.command))
}

// foreign is the error for a record whose command is not known: redis-server 7.4 writes
// one that this server does not have, which gives fields of a hash an expiry.
func foreign(args [][]byte, db int) error {
	name := strings.ToLower(string(Clip(args[0], 64)))
	if name != "hpexpireat" || len(args) < 2 {
		//lint:ignore ST1005 redis-server's text
		return fmt.Errorf("Unknown command '%s' reading the append only file", Clip(args[0], 64))
	}
	return &foreignError{name, "hash whose fields expire", db, append([]byte(nil), args[1]...)}
}

// Passed counts the records of a log that were passed over, by type.
type Passed struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Counts are the numbers so far.
func (p *Passed) Counts() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

func (p *Passed) add(kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[kind]++
}

func (p *Passed) any() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.counts) > 0
}

// PassOver makes the applier pass over records of types that this server does
// not have, and count them. What such a value was renamed to is not there
// either: a record that finds no key is then counted too.
func (a *Applier) PassOver() *Passed {
	a.passed = &Passed{counts: map[string]int64{}}
	return a.passed
}

// PassOver is Applier.PassOver.
func (b *BulkApplier) PassOver() *Passed {
	p := b.alone.PassOver()
	for _, w := range b.workers {
		w.a.passed = p
	}
	return p
}

// pass decides about a record that cannot be carried out.
func (a *Applier) pass(err error) error {
	var f *foreignError
	if a.passed == nil || !errors.As(err, &f) {
		return err
	}
	a.passed.add(f.kind)
	return nil
}

// absentKind is what a record is counted as that finds no key, where values were
// passed over.
const absentKind = "unknown, of keys that were passed over"

package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A table finds directives by name.
type table struct {
	order  []*directive
	byName map[string]*directive
	said   map[*directive]bool // by set
}

// New returns the default configuration.
func New() *Config {
	c := &Config{table: &table{byName: map[string]*directive{}, said: map[*directive]bool{}}}
	c.table.order = c.directives()
	for _, d := range c.table.order {
		for _, name := range d.names() {
			if c.table.byName[name] != nil {
				panic("config: directive " + name + " is in the table twice")
			}
			c.table.byName[name] = d
		}
		store, err := d.parse(d.def)
		if err != nil {
			panic(fmt.Sprintf("config: the default of %s: %v", d.name, err))
		}
		store()
	}
	return c
}

func (t *table) find(name string) *directive { return t.byName[strings.ToLower(name)] }

// word is the one word that a directive's parse takes.
func (d *directive) word(words []string) (string, error) {
	switch {
	case len(words) == 1:
		return words[0], nil
	case len(words) > 1 && d.glue != "", len(words) == 0 && d.bare:
		return strings.Join(words, d.glue), nil
	}
	return "", errArguments
}

// set changes one directive at the start, whatever CONFIG SET may do.
func (c *Config) set(name string, words []string) error {
	d := c.table.find(name)
	if d == nil {
		return c.state(name, words)
	}
	word, err := d.word(words)
	if d.grows && c.table.said[d] && (word != "" || len(words) == 0) { // save alone adds nothing, save "" takes away
		word = strings.Trim(d.show()+" "+word, " ")
	}
	c.table.said[d] = true
	if err == nil {
		var store func()
		if store, err = d.parse(word); err == nil {
			store()
			return nil
		}
	}
	if d.isKey {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return fmt.Errorf("%s %s: %w", d.name, strings.Join(words, " "), err)
}

// Each calls f with every directive's name and value, as CONFIG GET shows
// them: under each of its names.
func (c *Config) Each(f func(name, value string)) {
	for _, d := range c.table.order {
		value := d.show()
		for _, name := range d.names() {
			f(name, value)
		}
	}
}

// Lookup is the value of the directive with that name, or an older one.
func (c *Config) Lookup(name string) (value string, ok bool) {
	d := c.table.find(name)
	if d == nil {
		return "", false
	}
	return d.show(), true
}

// EachAsked calls f with the directives for whose name asked is true, under the name that
// it returns. hidden says that only the name itself asks for it, and no pattern.
func (c *Config) EachAsked(asked func(name string, hidden bool) (as string, ok bool), f func(name, value string)) {
	for _, d := range c.table.order {
		if as, ok := asked(d.name, d.hidden); ok {
			f(as, d.show())
		}
		for _, name := range d.older {
			if as, ok := asked(name, d.hidden); ok {
				f(as, d.show())
			}
		}
	}
}

// IsSecret reports whether the directive's value must not be shown in logs.
func (c *Config) IsSecret(name string) bool {
	d := c.table.find(name)
	return d != nil && d.isKey
}

// A SetError says which argument of CONFIG SET could not be taken.
type SetError struct {
	Name    string
	Unknown bool // there is no such directive
	Why     error
}

func (e *SetError) Error() string { return e.Name + ": " + e.Why.Error() }
func (e *SetError) Unwrap() error { return e.Why }

// Set changes several directives of a running server, all or none of them.
// pairs are names and values in turn; trusted says that those which lead to files may be
// among them (enable-protected-configs). The error is a *SetError; names are
// looked at before values, as in Redis (config.c, configSetCommand).
func (c *Config) Set(pairs []string, trusted bool) error {
	found := make([]*directive, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		d := c.table.find(pairs[i])
		switch {
		case d == nil:
			return &SetError{Name: pairs[i], Unknown: true, Why: errors.New("unknown directive")}
		case d.isBar && !trusted:
			return &SetError{Name: pairs[i], Why: errProtected}
		case d.isFix && !d.isOne:
			return &SetError{Name: pairs[i], Why: errImmutable}
		case d.isOne && d.show() != pairs[i+1]:
			return &SetError{Name: pairs[i], Why: errSettled}
		case d.lonely != nil && c.Peered() && d.show() != pairs[i+1]:
			return &SetError{Name: pairs[i], Why: d.lonely}
		case slices.Contains(found, d):
			return &SetError{Name: pairs[i], Why: errTwice}
		}
		found = append(found, d)
	}
	stores := make([]func(), len(found))
	for i, d := range found {
		store, err := d.parse(pairs[2*i+1])
		if err != nil {
			return &SetError{Name: pairs[2*i], Why: err}
		}
		stores[i] = store
	}
	for _, store := range stores {
		store()
	}
	return nil
}

// Peered reports whether the node has peers, or is to get some.
func (c *Config) Peered() bool { return c.Peers.Get() != "" || c.Join.Get() }

// Moves reports whether a change of a directive moves the node to another address.
func (c *Config) Moves(name string) bool {
	d := c.table.find(name)
	return d != nil && d.lonely == errPeers
}

// Now returns pairs with the values that their directives have now, for a later Set. What
// is unknown is left out.
func (c *Config) Now(pairs []string) (now []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if d := c.table.find(pairs[i]); d != nil {
			now = append(now, pairs[i], d.show())
		}
	}
	return now
}

// minBeats is how many heartbeats must fit into a lease: fewer, and one lost
// message makes clients wait. A lease must fit into leaseNum/leaseDen of an
// election timeout, as the voters' promises, which are longer by as much, do
// into all of it.
const (
	minBeats = 3
	leaseNum = 4
	leaseDen = 5
)

// CheckTimes refuses lengths of the election that cannot be meant together.
func (c *Config) CheckTimes() error {
	beat, lease, silence := c.HeartbeatInterval.Get(), c.LeaderLease.Get(), c.ElectionTimeout.Get()
	if beat*minBeats > lease {
		return fmt.Errorf("heartbeat-interval %d: at most a third of leader-lease %d, or one lost message makes clients wait", beat, lease)
	}
	if lease*leaseDen > silence*leaseNum {
		return fmt.Errorf("leader-lease %d: at most four fifths of election-timeout %d, or a leader could answer when another is elected", lease, silence)
	}
	return nil
}

// Imply sets what follows from the directives that were said for one that was not:
// appendonly no, and nothing said about save, means Redis's save points. It is
// called once, when all is read. CONFIG REWRITE takes what is implied for the
// default from then on, so that a later `save ""` gets a line.
func (c *Config) Imply() {
	d := c.table.find("save")
	if c.AppendOnly.Get() || c.table.said[d] || len(c.Save.Get()) > 0 || d.def == impliedSavePoints {
		return
	}
	d.def = impliedSavePoints
	store, err := d.parse(d.def)
	if err != nil {
		panic("config: " + err.Error())
	}
	store()
}

// Check refuses values that cannot be meant together. It is asked at the start:
// what it looks at cannot change later, or not so that it matters.
func (c *Config) Check() error {
	if err := c.CheckTimes(); err != nil {
		return err
	}
	if err := c.checkFaces(); err != nil {
		return err
	}
	peers, err := ParsePeers(c.Peers.Get())
	if err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if a, b, shared := SharedAddr(peers); shared {
		return fmt.Errorf("peers: nodes %d and %d are both at %s: each node has an address of its own", a.ID, b.ID, a.Addr())
	}
	if err := c.checkTLS(len(peers)); err != nil {
		return err
	}
	if c.Role.Get() == RoleWitness && (len(peers) == 0 || !c.AppendOnly.Get()) {
		return errors.New("role witness: a witness needs peers, and appendonly yes: the log is all that it has")
	}
	id := c.NodeID.Get()
	if id == 0 {
		id = c.BasePort()
	}
	others := int64(len(peers))
	if slices.ContainsFunc(peers, func(p Peer) bool { return p.ID == id }) {
		others--
	}
	// Who joins may know only one of many.
	if want := c.MinReplicasToWrite.Get(); len(peers) > 0 && want > others && !c.Join.Get() {
		return fmt.Errorf("min-replicas-to-write %d: there are only %d other nodes, no write would ever be taken", want, others)
	}
	return nil
}

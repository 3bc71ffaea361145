package acl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"regent/engine/spec"
	"regent/resp"
)

// Default is the name of the user that a connection has before it says another.
const Default = "default"

// A User has a name and rights. Sessions keep it: what it may do changes under them.
type User struct {
	name   string
	rights atomic.Pointer[Rights]
}

// Nobody is a user that may do nothing, and that no table has.
func Nobody(table *spec.Table) *User {
	u := &User{name: "nobody"}
	u.rights.Store(newRights(table, false))
	return u
}

// Name is the user's.
func (u *User) Name() string { return u.name }

// Rights are what the user may do now.
func (u *User) Rights() *Rights { return u.rights.Load() }

// Users are all users of a node. They come from two sides:
//
//	local    the node's own: its configuration, its aclfile, CONFIG SET requirepass,
//	         and with acl-replicate no what clients say
//	shared   what was said by a record of the log that all nodes have; it covers what
//	         is local of the same name, and may say that there is no such user
//
// While the log is loaded anew, shared is gathered aside, and comes into force as a
// whole: a user that was taken away is not back for a moment.
type Users struct {
	table       *spec.Table
	allChannels func() bool // what new users may listen to: acl-pubsub-default

	mu      sync.Mutex
	byName  map[string]*User
	def     *User
	local   map[string]*Rights
	shared  map[string]*Rights // nil: deleted
	aside   map[string]*Rights // what shared will be; nil: nothing is loaded
	loading bool
}

// NewUsers has the default user alone, which may do everything without a password.
func NewUsers(table *spec.Table, allChannels func() bool) *Users {
	t := &Users{table: table, allChannels: allChannels, byName: map[string]*User{}, local: map[string]*Rights{}, shared: map[string]*Rights{}}
	t.local[Default] = freeRights(table)
	t.settle(Default)
	t.def = t.byName[Default]
	return t
}

// freeRights may do everything, without a password.
func freeRights(table *spec.Table) *Rights {
	r, err := newRights(table, false).with([]string{"+@all", "~*", "&*", "on", "nopass"}, false, false)
	if err != nil {
		panic("acl: " + err.Error()) // the rules are constant
	}
	return r
}

// Default is the default user, which always is.
func (t *Users) Default() *User { return t.def }

// Named finds a user, nil for none.
func (t *Users) Named(name string) *User {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byName[name]
}

// Names are the users' names in order.
func (t *Users) Names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.byName))
}

// Lines are all users as a file has them, in the order of their names.
func (t *Users) Lines() (lines []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(t.byName)) {
		lines = append(lines, "user "+name+" "+t.byName[name].Rights().Rules())
	}
	return lines
}

// ValidName reports whether a user may be called so.
func ValidName(name string) bool { return !hasSpaces(name) }

// After are the rights that a user, who need not exist, would have after rules.
func (t *Users) After(name string, rules []string) (*Rights, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.after(name, rules, false)
}

func (t *Users) after(name string, rules []string, lenient bool) (*Rights, error) {
	open := t.allChannels()
	from := newRights(t.table, open)
	if u := t.byName[name]; u != nil {
		from = u.Rights()
	}
	return from.with(rules, open, lenient)
}

// Parsed are rights from the rules that Rights.Rules gave, of this or another version:
// what this one does not know is left out.
func (t *Users) Parsed(rules []string) (*Rights, error) {
	return newRights(t.table, false).with(rules, false, true)
}

// A Change is what a user had and has now; nil: there was, or is, no such user.
type Change struct {
	User     *User
	Old, New *Rights
}

// Put gives a user rights, at this node alone.
func (t *Users) Put(name string, r *Rights) Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.local[name] = r
	return t.settle(name)
}

// Drop deletes a user of this node; the default user stays.
func (t *Users) Drop(name string) Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	if name != Default {
		delete(t.local, name)
	}
	return t.settle(name)
}

// Share gives a user rights at all nodes; nil deletes it, if it is not the default user.
// While the log is loaded nothing changes yet.
func (t *Users) Share(name string, r *Rights) Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r == nil && name == Default:
		return Change{}
	case t.loading:
		t.aside[name] = r
		return Change{}
	}
	t.shared[name] = r
	return t.settle(name)
}

// settle makes what is in force of a user. t.mu is locked, or t is nobody else's yet.
func (t *Users) settle(name string) (c Change) {
	r, said := t.shared[name]
	if !said {
		r = t.local[name]
	}
	c = Change{User: t.byName[name], New: r}
	if c.User != nil {
		c.Old = c.User.Rights()
	}
	switch {
	case r == nil && c.User != nil:
		c.User.rights.Store(newRights(t.table, false)) // for those that are still there
		delete(t.byName, name)
	case r != nil:
		if c.User == nil {
			c.User = &User{name: name}
			t.byName[name] = c.User
		}
		c.User.rights.Store(r)
	}
	return c
}

// Begin says that what is shared is about to be loaded anew; End brings what came since
// then into force, and returns what has changed by it.
func (t *Users) Begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loading, t.aside = true, map[string]*Rights{}
}

// End is the end of what Begin began.
func (t *Users) End() (changes []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.loading {
		return nil
	}
	before := t.shared
	t.shared, t.aside, t.loading = t.aside, nil, false
	for _, old := range []map[string]*Rights{before, t.shared} {
		for _, name := range slices.Sorted(maps.Keys(old)) {
			if c := t.settle(name); c.User != nil && !c.same() {
				changes = append(changes, c)
			}
		}
	}
	return changes
}

// same reports whether nothing has changed.
func (c Change) same() bool {
	return c.Old == c.New || c.Old != nil && c.New != nil && c.Old.Rules() == c.New.Rules()
}

// deletedMark stands in Shared's text before the name of a user that is no more.
const deletedMark = "gone"

// Shared is what the log has said of users, as text for the base of a log: a line for
// each. "": nothing.
func (t *Users) Shared() string {
	var lines []string
	t.EachShared(func(name string, r *Rights) {
		if r != nil {
			lines = append(lines, "user "+name+" "+r.Rules())
		} else {
			lines = append(lines, deletedMark+" "+name)
		}
	})
	return strings.Join(lines, "\n")
}

// EachShared calls f with what the log has said of users, nil for one that is gone.
func (t *Users) EachShared(f func(name string, r *Rights)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(t.shared)) {
		f(name, t.shared[name])
	}
}

// LoadShared takes what Shared gave. It is called between Begin and End, or before there
// are clients.
func (t *Users) LoadShared(text string) error {
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Split(line, " ")
		switch {
		case line == "":
		case len(words) == 2 && words[0] == deletedMark:
			t.Share(words[1], nil)
		case len(words) > 2 && words[0] == "user":
			r, err := t.Parsed(words[2:])
			if err != nil {
				return fmt.Errorf("user %s: %w", words[1], err)
			}
			t.Share(words[1], r)
		default:
			return fmt.Errorf("%.64q is no user", line)
		}
	}
	return nil
}

// A FileError is what is wrong in a file of users, in Redis's words.
type FileError struct{ Text string }

func (e *FileError) Error() string { return e.Text }

// Read reads a file of users, a line for each; name is the file's, for errors. The
// default user is as Redis makes it if the file does not name it. The error, a
// *FileError, names all that cannot be.
func (t *Users) Read(name, text string) (map[string]*Rights, error) {
	f := fileReader{t: t, name: name, open: t.allChannels(), read: map[string]*Rights{}}
	for i, line := range strings.Split(text, "\n") {
		f.no = i + 1
		if line = strings.Trim(line, " \t\r"); line != "" && line[0] != '#' {
			f.line(strings.Split(line, " "))
		}
	}
	if f.wrong.Len() > 0 {
		return nil, &FileError{f.wrong.String() + resp.WhyFileNotTaken}
	}
	if f.read[Default] == nil {
		f.read[Default] = freeRights(t.table)
	}
	return f.read, nil
}

// A fileReader is on its way through a file.
type fileReader struct {
	t     *Users
	name  string
	no    int // of the line
	open  bool
	read  map[string]*Rights
	wrong strings.Builder
}

func (f *fileReader) line(words []string) {
	if len(words) < 2 || words[0] != "user" {
		fmt.Fprintf(&f.wrong, resp.WhyFileNoUser, f.name, f.no)
		return
	}
	user := words[1]
	switch {
	case f.read[user] != nil:
		fmt.Fprintf(&f.wrong, resp.WhyFileTwice, user, f.no)
		return
	case !ValidName(user):
		fmt.Fprintf(&f.wrong, resp.WhyFileName, f.name, f.no, user)
		return
	}
	rights := newRights(f.t.table, f.open)
	f.read[user] = rights
	rules, err := joinSelectors(words[2:])
	if err != nil {
		fmt.Fprintf(&f.wrong, resp.WhyFileUnmatched, f.name, f.no)
		return
	}
	first := true
	for _, rule := range rules {
		err := rights.apply(strings.Trim(rule, "\t\r"), f.open, false)
		switch {
		case err == nil:
		case err == because(resp.WhyRuleUnknown):
			fmt.Fprintf(&f.wrong, resp.WhyFileRule, f.name, f.no, rule, err)
		case first: // what follows may be wrong for its sake
			fmt.Fprintf(&f.wrong, resp.WhyFileOther, f.name, f.no, err)
			first = false
		}
	}
	rights.seal()
}

// Replace has exactly these users, at this node alone, and returns what has changed.
func (t *Users) Replace(all map[string]*Rights) (changes []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := slices.Collect(maps.Keys(t.local))
	t.local = maps.Clone(all)
	for _, name := range slices.Concat(before, slices.Collect(maps.Keys(all))) {
		if c := t.settle(name); c.User != nil && c.Old != c.New {
			changes = append(changes, c)
		}
	}
	return changes
}

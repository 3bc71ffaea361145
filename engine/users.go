package engine

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/engine/acl"
	"regent/engine/config"
	"regent/engine/pubsub"
	"regent/resp"
)

// Users of the server. What a user may do is package acl's; here is where a session asks,
// and how a change of a user reaches the sessions, the log and the other nodes.
//
//	Execute ─► admit ─► user.Rights: Free? ─yes─► on          what the default user has
//	                              │ no
//	                              └─► Check by the command table ─► NOPERM, noted in ACL LOG
//
//	ACL SETUSER   alone, or acl-replicate no:   this node's users
//	              with peers:                   a record of the log, at the leader alone
//
// # Invariants
//
//   - A record of the log says all that a user may do (reset and rules) or that it is
//     gone, so that it means the same wherever it is applied. It is carried out with
//     every shard locked, as is every change of role: what a failover keeps or takes back
//     is the record, and the users with it.
//   - The reply to such a change waits for a quorum like any write. So a revocation that
//     was acknowledged holds at every later leader.
//   - A user that is deleted can do nothing from that moment on, even in a session whose
//     connection is not closed yet.
//   - While the log is loaded the users stay as they were (acl.Users.Begin).

// accounts are the users, and what was denied to them.
type accounts struct {
	users   *acl.Users
	denials acl.Log
	guesses guesses
	// sentinel is the only user at the Sentinel face; nobody is who may do nothing.
	sentinel, nobody *acl.User
	// ofCluster: users are changed by records of the log. perNode: there are peers, and
	// yet they are not, whatever the log holds.
	ofCluster, perNode bool
}

// newAccounts makes the users that the configuration names; CheckUsers has looked at
// them.
func (e *Engine) newAccounts() {
	a := &e.accounts
	a.users = newUsers(e.table, e.Config)
	_ = configureUsers(a.users, e.Config)
	a.sentinel = newUsers(e.table, e.Config).Default()
	a.nobody = acl.Nobody(e.table.spec)
	clustered := e.cluster.View().Clustered
	a.ofCluster = clustered && e.Config.ACLReplicate.Get()
	a.perNode = clustered && !a.ofCluster
	if a.ofCluster {
		e.table.lead()
	}
}

func newUsers(t *table, cfg *config.Config) *acl.Users {
	return acl.NewUsers(t.spec, func() bool { return cfg.ACLPubsubDefault.Get() == config.AllChannels })
}

// CheckUsers says which of the configuration's users cannot be, for an engine with those
// rooms.
func CheckUsers(cfg *config.Config, rooms ...Room) error {
	if len(cfg.Users) == 0 {
		return nil
	}
	if cfg.ACLFile.Get() != "" {
		return errors.New("users are both in the configuration and in aclfile: only one of them can be")
	}
	return configureUsers(newUsers(newTable(rooms), cfg), cfg)
}

// configureUsers makes the users that the configuration names.
func configureUsers(us *acl.Users, cfg *config.Config) error {
	setPassword(us, cfg.RequirePass.Get())
	var seen []string
	for _, u := range cfg.Users {
		switch {
		case !acl.ValidName(u.Name):
			return fmt.Errorf("user %q: a name without spaces is needed", u.Name)
		case slices.Contains(seen, u.Name):
			return fmt.Errorf("user %s: %s", u.Name, resp.WhyUserTwice)
		}
		seen = append(seen, u.Name)
		rules := u.Rules
		if u.Name == acl.Default {
			rules = append([]string{"reset"}, rules...) // it is there already, and may do everything
		}
		r, err := us.After(u.Name, rules)
		if err != nil {
			return fmt.Errorf("user %s: %w", u.Name, unsaid(err))
		}
		us.Put(u.Name, r)
	}
	return nil
}

// unsaid is err without the text of a rule that may be a password.
func unsaid(err error) error {
	var bad *acl.RuleError
	if errors.As(err, &bad) && strings.ContainsAny(bad.Rule[:1], "<>#!") {
		return errors.New(bad.Why)
	}
	return err
}

// setPassword is requirepass.
func setPassword(us *acl.Users, password string) {
	rules := []string{"resetpass", ">" + password}
	if password == "" {
		rules = []string{"nopass"}
	}
	if r, err := us.After(acl.Default, rules); err == nil {
		us.Put(acl.Default, r)
	}
}

// ReadUsers takes the users of a file's text in the place of this node's own; name is
// the file's, for errors.
func (e *Engine) ReadUsers(name, text string) error {
	all, err := e.accounts.users.Read(name, text)
	if err != nil {
		return err
	}
	e.accounts.users.Replace(all)
	return nil
}

// UserLines are all users as the configuration file and aclfile have them.
func (e *Engine) UserLines() []string { return e.accounts.users.Lines() }

// PasswordNeeded reports whether a client has to say a password before anything else.
func (e *Engine) PasswordNeeded() bool { return !e.accounts.users.Default().Rights().NoPass() }

// open reports whether the default user of a face has no password.
func (e *Engine) open(f Face) bool {
	if f == FaceSentinel {
		return e.Config.SentinelRequirePass.Get() == ""
	}
	return !e.PasswordNeeded()
}

// LetsIn reports whether a new connection at a face is the default user without a word.
func (e *Engine) LetsIn(f Face) bool {
	return e.open(f) && (f == FaceSentinel || e.accounts.users.Default().Rights().On())
}

// defaultAt is the default user of a face. The Sentinel face has users of its own: this
// one, which may do everything that there is.
func (e *Engine) defaultAt(f Face) *acl.User {
	if f == FaceSentinel {
		return e.accounts.sentinel
	}
	return e.accounts.users.Default()
}

// userWith is the user of that name if the password is right, or nil. A name that there is
// not takes as long as a wrong password.
func (e *Engine) userWith(f Face, name string, password []byte) *acl.User {
	if f == FaceSentinel {
		want := e.Config.SentinelRequirePass.Get()
		// Digests, since to compare texts of different lengths takes no time at all.
		if name == acl.Default && (want == "" || subtle.ConstantTimeCompare([]byte(acl.Digest(password)), []byte(acl.Digest([]byte(want)))) == 1) {
			return e.accounts.sentinel
		}
		return nil
	}
	u := e.accounts.users.Named(name)
	if u == nil {
		e.accounts.users.Default().Rights().Accepts(password)
		return nil
	}
	if !u.Rights().Accepts(password) {
		return nil
	}
	return u
}

// HasUser reports whether there is a user of that name.
func (e *Engine) HasUser(name string) bool { return e.accounts.users.Named(name) != nil }

// KnownBy makes a new session the user that its client's certificate names, without a
// password; one that there is not, or that is off, leaves it what it is.
func (e *Engine) KnownBy(s *Session, name string) {
	u := e.accounts.users.Named(name)
	if s.face == FaceSentinel || u == nil || !u.Rights().On() {
		return
	}
	s.setUser(u)
	s.Authenticated, s.proved = true, true
}

// setUser makes u the session's user.
func (s *Session) setUser(u *acl.User) {
	s.user = u
	s.Shared.user.Store(u)
}

// restoreUser makes the session the user that it was at another node. One that there is
// not here may do nothing.
func (e *Engine) restoreUser(s *Session, st SessionState) {
	u := e.accounts.users.Named(st.User)
	if u == nil {
		u = e.accounts.nobody
	}
	s.setUser(u)
	s.Authenticated = st.Authenticated
}

// beDefault makes the session what a new one is.
func (e *Engine) beDefault(s *Session) {
	s.setUser(e.defaultAt(s.face))
	s.Authenticated, s.proved = e.LetsIn(s.face), false
}

// gateUser is why the session's user, which may not do everything, may not carry out a
// command; "": it may.
func (e *Engine) gateUser(c *Ctx) string {
	context := acl.ContextTop
	if c.s.inMulti() {
		context = acl.ContextMulti
	}
	d := c.denied(c.Cmd, c.Args, context)
	switch d.Why {
	case acl.Command:
		return fmt.Sprintf(resp.ErrNoPermCommand, c.Cmd.FullName())
	case acl.Key:
		return resp.ErrNoPermKey
	case acl.Channel:
		return resp.ErrNoPermChannel
	}
	return ""
}

// denied asks whether the session's user may carry out a command, and notes it if not. It is
// what everything asks that carries out commands in a client's name.
func (c *Ctx) denied(cmd *Command, args [][]byte, context string) acl.Denial {
	d := c.s.user.Rights().Check(&cmd.Command, args)
	if d.Why != acl.Allowed {
		object := cmd.FullName()
		if d.Why != acl.Command {
			object = string(args[d.At])
		}
		c.noteDenial(d.Why, context, object, c.s.user.Name())
	}
	return d
}

// noteDenial is an entry of ACL LOG.
func (c *Ctx) noteDenial(why acl.Reason, context, object, user string) {
	c.e.accounts.denials.Add(acl.Entry{
		Reason: why.Word(), Context: context, Object: object, User: user, At: c.e.host.Now(), Client: string(c.clientLine(nil, c.s)),
	}, int(c.e.Config.ACLLogMaxLen.Get()))
}

// notAllowedNow is why a queued command may not be carried out after all, or "".
func (c *Ctx) notAllowedNow(cmd *Command, args [][]byte) string {
	if c.s.user.Rights().Free {
		return ""
	}
	switch c.denied(cmd, args, acl.ContextMulti).Why {
	case acl.Command:
		return fmt.Sprintf(resp.ErrNoPermExec, resp.WhyExecCommand)
	case acl.Key:
		return fmt.Sprintf(resp.ErrNoPermExec, resp.WhyExecKey)
	case acl.Channel:
		return fmt.Sprintf(resp.ErrNoPermExec, resp.WhyExecChannel)
	}
	return ""
}

// MayReadAnyKey reports whether the command may read keys that it does not name.
func (c *Ctx) MayReadAnyKey() bool {
	return c.applying || c.s.user.Rights().AnyKey(&c.Cmd.Command, c.Args)
}

// Users are the server's users.
func (c *Ctx) Users() *acl.Users { return c.e.accounts.users }

// User is the session's.
func (c *Ctx) User() *acl.User { return c.s.user }

// Denials are what was denied lately.
func (c *Ctx) Denials() *acl.Log { return &c.e.accounts.denials }

// sharesUsers reports whether a change of users becomes a record. One that the log has
// spoken of stays the log's at a server that has no peers any more.
func (c *Ctx) sharesUsers() bool {
	a := &c.e.accounts
	return a.ofCluster || !a.perNode && a.users.Shared() != ""
}

// SetUser changes a user by rules, or makes one: at all nodes, or at this one. The
// command must have LockAll.
func (c *Ctx) SetUser(name string, rules []string) error {
	us := c.e.accounts.users
	if c.applying {
		r, err := us.Parsed(rules[min(1, len(rules)):]) // without "reset"
		if err == nil && !c.e.accounts.perNode {
			c.e.follow(us.Share(name, r), nil)
		}
		return err
	}
	r, err := us.After(name, rules)
	if err == nil {
		c.giveRights(name, r)
	}
	return err
}

func (c *Ctx) giveRights(name string, r *acl.Rights) {
	us := c.e.accounts.users
	if !c.sharesUsers() {
		c.e.follow(us.Put(name, r), c.s)
		return
	}
	c.PropagateN(0, userRecord(name, r)...)
	c.e.follow(us.Share(name, r), c.s)
}

// userRecord is the record of all that a user may do, and goneRecord that there is none.
func userRecord(name string, r *acl.Rights) [][]byte {
	args := [][]byte{[]byte("ACL"), []byte("SETUSER"), []byte(name), []byte("reset")}
	for _, word := range strings.Split(r.Rules(), " ") {
		args = append(args, []byte(word))
	}
	return args
}

func goneRecord(name string) [][]byte {
	return [][]byte{[]byte("ACL"), []byte("DELUSER"), []byte(name)}
}

// DeleteUser deletes a user, and reports whether there was one. The command must have
// LockAll.
func (c *Ctx) DeleteUser(name string) bool {
	us := c.e.accounts.users
	there := us.Named(name) != nil && name != acl.Default
	switch {
	case c.applying:
		if !c.e.accounts.perNode {
			c.e.follow(us.Share(name, nil), nil)
		}
	case !there:
	case c.sharesUsers():
		c.PropagateN(0, goneRecord(name)...)
		c.e.follow(us.Share(name, nil), c.s)
	default:
		c.e.follow(us.Drop(name), c.s)
	}
	return there
}

// LoadUsers reads aclfile, and replies when its users are in force.
func (c *Ctx) LoadUsers() {
	var text string
	path := c.e.Config.ACLFile.Get()
	c.InBackground(func() (err error) { text, err = c.e.control.ReadUsers(); return err }, func(c *Ctx, err error) {
		if err != nil {
			c.Err("ERR " + fmt.Sprintf(resp.WhyFileOpen, path, err))
			return
		}
		all, err := c.e.accounts.users.Read(path, text)
		if err != nil {
			c.Err("ERR " + err.Error())
			return
		}
		c.withAll(func() { c.replaceUsers(all) })
	})
}

// withAll does what a command that has parked has to do with every shard locked, and
// writes OK, or why not.
func (c *Ctx) withAll(do func()) {
	if c.nested { // it has passed the gates with all of its transaction, and has every shard
		do()
		c.W.OK()
		return
	}
	c.e.lockAll()
	defer c.e.unlockAll()
	switch refusal := c.e.gateLocked(c); {
	case c.late:
		c.Err(resp.ErrClusterDown) // the lease has run out: it is not known which node leads
	case refusal != "":
		c.Err(refusal)
	default:
		do()
		c.s.Barrier = max(c.s.Barrier, c.e.record(c))
		c.W.OK()
	}
}

// replaceUsers has exactly these users.
func (c *Ctx) replaceUsers(all map[string]*acl.Rights) {
	us := c.e.accounts.users
	if !c.sharesUsers() {
		for _, ch := range us.Replace(all) {
			c.e.follow(ch, c.s)
			c.e.endClientsOf(ch.User, c.s)
		}
		return
	}
	for _, name := range us.Names() {
		if all[name] == nil {
			c.DeleteUser(name)
		}
	}
	for name, r := range all {
		u := us.Named(name)
		if u != nil && u.Rights().Rules() == r.Rules() {
			continue
		}
		c.giveRights(name, r)
		if u != nil {
			c.e.endClientsOf(u, c.s)
		}
	}
}

// SaveUsers writes all users into aclfile, and replies when that is done.
func (c *Ctx) SaveUsers() {
	text := strings.Join(c.e.UserLines(), "\n") + "\n"
	c.InBackground(func() error { return c.e.control.WriteUsers(text) }, func(c *Ctx, err error) {
		if err != nil {
			c.e.host.Logf(LevelWarning, "ACL SAVE failed: %v", err)
			c.Err(resp.ErrACLSave)
			return
		}
		c.W.OK()
	})
}

// follow has sessions feel what has changed of their user: those of one that is gone
// end, and those that listen to what they may not any more. self ends after its reply.
func (e *Engine) follow(ch acl.Change, self *Session) {
	if ch.Old == nil {
		return
	}
	if ch.New == nil {
		e.endClientsOf(ch.User, self)
		return
	}
	heard := map[*Session]*[2][][]byte{}
	for kind := range pubsub.Kind(pubsub.Kinds) {
		e.listeners[FacePort].EachListener(kind, func(name string, s *Session) {
			if s.Shared.user.Load() != ch.User {
				return
			}
			if heard[s] == nil {
				heard[s] = &[2][][]byte{}
			}
			pattern := 0
			if kind == pubsub.Pattern {
				pattern = 1
			}
			heard[s][pattern] = append(heard[s][pattern], []byte(name))
		})
	}
	for s, names := range heard {
		if !ch.New.Subscribed(names[0], names[1]) {
			endClient(s, self)
		}
	}
}

// endClientsOf ends the connections of a user; the default user's stay.
func (e *Engine) endClientsOf(u *acl.User, self *Session) {
	if u.Name() == acl.Default {
		return
	}
	for _, s := range e.clients() {
		if s.Shared.user.Load() == u {
			endClient(s, self)
		}
	}
}

func endClient(s, self *Session) {
	if s == self {
		s.closeAfterReply()
		return
	}
	s.conn.Kill()
}

// usersLoaded ends what acl.Users.Begin began. Who came in as a user that the log knows
// otherwise goes.
func (e *Engine) usersLoaded() {
	for _, ch := range e.accounts.users.End() {
		e.follow(ch, nil)
		e.endClientsOf(ch.User, nil)
	}
}

// beside are the records that say what the log has said of users.
func (e *Engine) beside() (records []byte) {
	e.accounts.users.EachShared(func(name string, r *acl.Rights) {
		args := goneRecord(name)
		if r != nil {
			args = userRecord(name, r)
		}
		records = resp.AppendCommand(records, args...)
	})
	return records
}

// An auxPart is what stands beside the keys in a base of the log: a text that its part
// gives and takes. It is an AUX field of the file, which redis-server passes over.
type auxPart struct {
	name string
	save func() string
	load func(text string) error
}

// auxParts are all of them.
func (e *Engine) auxParts() []auxPart {
	return []auxPart{{"regent-users", e.accounts.users.Shared, e.loadShared}}
}

func (e *Engine) loadShared(text string) error {
	if e.accounts.perNode {
		return nil
	}
	return e.accounts.users.LoadShared(text)
}

// LoadAux takes what stands beside the keys in a base of the log; value gives the text
// of an AUX field, "" for one that is not there.
func (e *Engine) LoadAux(value func(name string) string) error {
	for _, p := range e.auxParts() {
		if err := p.load(value(p.name)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// aux is what LoadAux takes.
func (e *Engine) aux() (fields [][2]string) {
	for _, p := range e.auxParts() {
		if text := p.save(); text != "" {
			fields = append(fields, [2]string{p.name, text})
		}
	}
	return fields
}

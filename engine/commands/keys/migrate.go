package keys

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// MIGRATE moves keys to another server. As in redis-server their values go there as
// RESTOREs, and a key is deleted here when its RESTORE was answered with OK; but this
// server goes on meanwhile (engine.Ctx.Errand):
//
//	shards locked     values are read ─► parcels
//	nothing locked    AUTH, SELECT, RESTORE, RESTORE … ─► answers
//	shards locked     answered with OK, and nothing has changed here: DEL, which is propagated
//	                  changed here meanwhile: the new value is sent, with REPLACE, or DEL
//
// Until it is deleted here a key is this server's: clients read and write it here,
// and what was written after the value was sent is sent, too. A key that is changed more
// often than migrateRounds times stays, and the client is told so. What is copied (COPY)
// is what was there at one moment. A client that goes away, or a leader that is deposed
// meanwhile, leaves the keys here, and copies there; as an IOERR may.
//
// Connections are kept for the next MIGRATE to the same server, with the same password
// (engine.Remotes).
//
// Inside MULTI, and in scripts, it is refused; redis-server carries it out there, and serves
// nobody until the other server has answered. What is between MULTI and EXEC is one step
// here as there, with its shards locked, and no step waits for a network: a client that
// wants others to see several keys go at once asks for them in one MIGRATE with KEYS.

const (
	// migrateRounds is how often values are sent that have changed meanwhile.
	migrateRounds = 16
	// migrateTimeout is how many milliseconds one step may take where no number above 0
	// is given, and longestMigrate the most that are meant.
	migrateTimeout = 1000
	longestMigrate = 100 * 365 * 24 * 3600 * 1000
	// firstOption is the first argument of MIGRATE that may be an option.
	firstOption = 6
)

func migrateCommands() []engine.Command {
	const use = spec.KeyRW | spec.KeyAccess | spec.KeyDelete
	return []engine.Command{{Do: doMigrate, Command: spec.Command{
		Name: "migrate", Arity: -6, Flags: spec.Write, Cats: spec.CatKeyspace | spec.CatDangerous, Since: "2.6.0",
		Complex: "O(N) in the size of the values", Summary: "Moves keys to another server.",
		Tips: []string{"nondeterministic_output"},
		Keys: spec.Keys{
			spec.One(3, use),
			{Flags: use | spec.KeyIncomplete, Keyword: "KEYS", StartFrom: -2, LastKey: -1, KeyStep: 1},
		},
		GetKeys: migrateKeys, Secrets: migrateSecrets,
		Args: spec.Args{
			spec.String("host"), spec.Integer("port"),
			spec.OneOf("key_or_empty_string", spec.Key("key", 0), spec.Word("empty_string", "")),
			spec.Integer("destination-db"), spec.Integer("timeout"),
			spec.Word("copy", "COPY").Added("3.0.0").Opt(), spec.Word("replace", "REPLACE").Added("3.0.0").Opt(),
			spec.OneOf("authentication",
				spec.String("password").With("AUTH").Added("4.0.7").Opt(),
				spec.Block("username_password", spec.String("username"), spec.String("password")).With("AUTH2").Added("6.0.0").Opt(),
			).Opt(),
			spec.Key("key", 1).With("KEYS").Added("3.0.6").Opt().Many(),
		},
	}}}
}

// migrateOptions calls f with each option and where it stands, until f returns false.
func migrateOptions(args [][]byte, f func(option string, at int) bool) {
	values := map[string]int{"copy": 0, "replace": 0, "auth": 1, "auth2": 2, "keys": 0}
	for i := firstOption; i < len(args); i++ {
		option := strings.ToLower(string(args[i]))
		if !f(option, i) {
			return
		}
		i += values[option]
	}
}

// migrateKeys finds the keys: behind KEYS where there is no single one.
func migrateKeys(args [][]byte) (keys []int, ok bool) {
	if len(args) < firstOption {
		return nil, false
	}
	keys, ok = []int{3}, true
	migrateOptions(args, func(option string, at int) bool {
		if option != "keys" {
			return true
		}
		if keys, ok = nil, len(args[3]) == 0; ok {
			for at++; at < len(args); at++ {
				keys = append(keys, at)
			}
		}
		return false
	})
	return keys, ok
}

// migrateSecrets finds the name and the password for the other server.
func migrateSecrets(_ func(string) bool, args [][]byte) (secrets []int) {
	migrateOptions(args, func(option string, at int) bool {
		switch {
		case option == "auth" && at+1 < len(args):
			secrets = append(secrets, at+1)
		case option == "auth2" && at+2 < len(args):
			secrets = append(secrets, at+1, at+2)
		}
		return option != "keys"
	})
	return secrets
}

func doMigrate(c *engine.Ctx) {
	if m, ok := c.Back(); ok {
		m.(*migration).arrived(c)
		return
	}
	m, ok := migrationOf(c)
	if !ok {
		return
	}
	at, ok := migrateKeys(c.Args)
	if !ok {
		c.Err(resp.ErrSyntax)
		return
	}
	for _, i := range at {
		if en := c.Read(c.Args[i]); en.OK() {
			m.pack(c, en, c.Args[i], m.replace)
		}
	}
	if len(m.parcels) == 0 {
		c.W.Status("NOKEY")
		return
	}
	m.leave(c)
}

// migrationOf reads the arguments; false: the error was written.
func migrationOf(c *engine.Ctx) (m *migration, ok bool) {
	m = &migration{restore: "RESTORE", courier: courier{remotes: c.Remotes()}}
	wrong := ""
	migrateOptions(c.Args, func(option string, at int) bool {
		left := len(c.Args) - at - 1
		switch {
		case option == "copy":
			m.copy = true
		case option == "replace":
			m.replace = true
		case option == "auth" && left >= 1, option == "auth2" && left >= 2:
			n := len(option) - len("auth") + 1
			m.auth = slices.Concat([][]byte{[]byte("AUTH")}, engine.CloneArgs(c.Args[at+1:at+1+n]))
		case option == "keys":
			if len(c.Args[3]) != 0 {
				wrong = resp.ErrMigrateKeys
			}
			return false
		default:
			wrong = resp.ErrSyntax
		}
		return wrong == ""
	})
	if wrong != "" {
		c.Err(wrong)
		return nil, false
	}
	timeout, ok := c.IntArg(c.Args[5])
	if !ok {
		return nil, false
	}
	if m.db, ok = c.IntArg(c.Args[4]); !ok {
		return nil, false
	}
	if timeout <= 0 {
		timeout = migrateTimeout
	}
	m.limit = time.Duration(min(timeout, longestMigrate)) * time.Millisecond
	m.to = engine.NewRemoteID(addrOf(string(c.Args[1]), string(c.Args[2])), m.auth)
	if c.View().Clustered {
		m.restore = "RESTORE-ASKING" // a node of Redis Cluster takes it where it takes the slot in
	}
	return m, true
}

// addrOf is host:port. A port that is no number is none, as in Redis.
func addrOf(host, port string) string {
	n, err := strconv.Atoi(port)
	if err != nil {
		n = 0
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(n)
}

// A migration is one MIGRATE under way.
type migration struct {
	courier
	restore       string
	copy, replace bool
	parcels       []parcel
	rounds        int
}

// A parcel is what one key needs to be told, and what came of it.
type parcel struct {
	key     []byte
	command []byte
	settled bool // the other server has taken it
}

// pack makes a parcel of the value at an entry.
func (m *migration) pack(c *engine.Ctx, en engine.Entry, key []byte, replace bool) {
	ttl := int64(0)
	if at := en.ExpireAt(); at != 0 {
		ttl = max(at-c.Now, 1)
	}
	args := [][]byte{[]byte(m.restore), key, strconv.AppendInt(nil, ttl, 10), payloadOf(c, en)}
	if replace {
		args = append(args, []byte("REPLACE"))
	}
	m.add(key, args...)
}

func (m *migration) add(key []byte, args ...[]byte) {
	m.parcels = append(m.parcels, parcel{key: slices.Clone(key), command: resp.AppendCommand(nil, args...)})
}

// leave sends the parcels, while nothing is locked.
func (m *migration) leave(c *engine.Ctx) {
	m.rounds++
	var watched [][]byte
	if !m.copy {
		for i := range m.parcels {
			watched = append(watched, m.parcels[i].key)
		}
	}
	c.Errand(m, watched, func() { m.deliver(m.parcels) })
}

// arrived does here what has become of the parcels.
func (m *migration) arrived(c *engine.Ctx) {
	changed := m.deleteHere(c)
	switch {
	case m.refused != "":
		c.Err(fmt.Sprintf(resp.ErrMigrateTarget, m.refused))
	case m.failed != "":
		c.Err(m.failed)
	case len(changed) == 0:
		c.W.OK()
	case m.rounds >= migrateRounds:
		c.Err(resp.ErrMigrateChanged)
	default:
		m.parcels = nil
		for _, key := range changed {
			if en := c.Read(key); en.OK() {
				m.pack(c, en, key, true)
			} else {
				m.add(key, []byte("DEL"), key)
			}
		}
		m.leave(c)
	}
}

// deleteHere deletes the keys that the other server has, and returns those that have
// changed meanwhile.
func (m *migration) deleteHere(c *engine.Ctx) (changed [][]byte) {
	if m.copy {
		return nil
	}
	gone := [][]byte{[]byte("DEL")}
	seen := map[string]bool{}
	for i := range m.parcels {
		p := &m.parcels[i]
		if !p.settled || seen[string(p.key)] {
			continue
		}
		seen[string(p.key)] = true
		if !c.Untouched(p.key) {
			changed = append(changed, p.key)
			continue
		}
		if c.Remove(p.key) {
			c.Notify(engine.EventGeneric, "del", p.key)
			gone = append(gone, p.key)
		}
	}
	if len(gone) > 1 {
		c.PropagateN(int64(len(gone)-1), gone...)
	}
	return changed
}

package cli

import (
	"slices"
	"strconv"
	"strings"

	"regent/engine/config"
	"regent/engine/spec"
	"regent/resp"
)

// What the command table says about a command: whether it may be sent again,
// and where; and what its reply changes about the connection.

// lookup finds a command, or a container's subcommand, in the table.
func (s *session) lookup(words []string) (cmd *spec.Command, known bool) {
	return s.table.Lookup(asBytes(words))
}

func asBytes(words []string) [][]byte {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	return args
}

// localName is the command's name in lower case, "" if there is none.
func localName(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return strings.ToLower(words[0])
}

// harmless reports whether a command may be sent twice: it reads data and
// does nothing else. A command that the table does not know may do anything.
func (s *session) harmless(words []string) bool {
	cmd, known := s.lookup(words)
	return known && s.multi == nil && cmd.Has(spec.ReadOnly) &&
		cmd.Flags&(spec.Write|spec.Admin|spec.Blocking|spec.PubSub) == 0
}

// anywhere reports whether another node than the one in use may be asked: for
// a command on data any node leads to the leader. What has no data flag is
// about the server itself, or unknown.
func (s *session) anywhere(words []string) bool {
	cmd, known := s.lookup(words)
	return known && cmd.Flags&(spec.ReadOnly|spec.Write) != 0 && cmd.Flags&spec.Admin == 0
}

// ahead reports whether a command may be sent before the reply of the one
// before it is there.
func (s *session) ahead(words []string) bool {
	if s.multi != nil || !s.anywhere(words) {
		return false
	}
	cmd, _ := s.lookup(words)
	return !cmd.Has(spec.Blocking)
}

// secret reports whether a command carries something that no history may keep.
func (s *session) secret(words []string) bool {
	if _, err := strconv.Atoi(words[0]); err == nil && len(words) > 1 {
		words = words[1:] // "3 auth secret"
	}
	cmd, known := s.lookup(words)
	if known && cmd.Secrets != nil && len(cmd.Secrets(config.New().IsSecret, asBytes(words))) > 0 {
		return true
	}
	has := func(word string) bool {
		return slices.ContainsFunc(words[1:], func(w string) bool { return strings.Contains(strings.ToLower(w), word) })
	}
	switch localName(words) {
	case "auth":
		return true
	case "hello", "migrate":
		return has("auth")
	case "acl":
		return has("setuser") || has("deluser")
	case "config":
		return has("pass") || has("auth") || has("secret") || has("masteruser")
	case "sentinel":
		return has("pass")
	}
	return false
}

// remember keeps what a command changed about the connection, so that a new
// one is made alike.
func (s *session) remember(words []string, r resp.Value) {
	if r.IsError() {
		if name := localName(words); name == "exec" {
			s.multi = nil
		}
		return
	}
	queued := string(r.Text) == "QUEUED"
	switch name := localName(words); {
	case name == "multi":
		s.multi = []string{}
	case name == "exec", name == "discard":
		s.multi = nil
	case s.multi != nil && queued:
		s.multi = append(s.multi, string(resp.AppendCommand(nil, words...)))
	case name == "select" && len(words) == 2:
		s.set.db, _ = strconv.Atoi(words[1])
	case name == "auth":
		s.set.user, s.set.password = "", words[len(words)-1]
		if len(words) == 3 {
			s.set.user = words[1]
		}
	case name == "hello":
		s.rememberHello(words[1:])
	case name == "client" && len(words) == 3 && strings.EqualFold(words[1], "setname"):
		s.set.name = words[2]
	case name == "reset":
		s.set = settled{}
		s.multi = nil
	}
}

// rememberHello reads HELLO's protocol, AUTH user password and SETNAME name.
func (s *session) rememberHello(args []string) {
	if len(args) == 0 {
		return
	}
	s.set.proto, _ = strconv.Atoi(args[0])
	for i := 1; i < len(args); i++ {
		switch {
		case strings.EqualFold(args[i], "auth") && i+2 < len(args):
			s.set.user, s.set.password = args[i+1], args[i+2]
			i += 2
		case strings.EqualFold(args[i], "setname") && i+1 < len(args):
			s.set.name = args[i+1]
			i++
		}
	}
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/spec"
	"regent/resp"
)

const (
	// dialTimeout bounds one attempt to connect, and each reply to what a new
	// connection is told first.
	dialTimeout = 2 * time.Second
	// electionPause is the wait between two attempts while no node leads.
	electionPause = 50 * time.Millisecond
	// maxRedirects bounds how often one command is sent elsewhere at once.
	maxRedirects = 16
)

// A session is a connection that moves with the leader.
type session struct {
	o     options
	table *spec.Table
	out   io.Writer // where redirections are mentioned
	notes io.Writer // where what fails beside a reply is mentioned
	addr  string    // of the server in use
	known []string  // all nodes' addresses, as far as they were told
	conn  *Conn
	set   settled
	multi []string // commands queued since MULTI, encoded; nil outside
	warns bool     // the warning about passwords is still to be given
}

// settled is what a new connection is told: what the options or the user's
// commands have set.
type settled struct {
	user, password string
	proto          int
	name           string
	db             int
}

func newSession(o options, out, notes io.Writer) *session {
	return &session{
		o: o, out: out, notes: notes, table: engine.NewTable(commands.All()...), addr: address(o.host, strconv.Itoa(o.port)),
		set:   settled{user: o.user, password: o.password, proto: o.proto, db: o.db},
		warns: o.passwordShown && !o.noAuthWarning,
	}
}

func (s *session) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// errServerEnded says that a SHUTDOWN did what it was sent for.
var errServerEnded = errors.New("the server has ended")

// exec sends one command and returns its reply, through redirections and an
// election. An error means that there is no reply. What administers a server
// goes to the server in use and to no other: SHUTDOWN, sent on to the next
// node for want of a reply, would end them one after the other.
func (s *session) exec(words []string) (resp.Value, error) {
	deadline := time.Now().Add(s.o.patience)
	for redirects := 0; ; {
		queued := s.multi != nil
		r, sent, err := s.attempt(words)
		elsewhere := s.o.follow && !queued && len(s.known) > 1 && s.anywhere(words)
		switch {
		case err != nil && queued && localName(words) != "exec":
			return resp.Value{}, fmt.Errorf("%w: the transaction was not executed", ended(err))
		case err != nil && sent && localName(words) == "shutdown":
			return resp.Value{}, errServerEnded
		case err != nil && sent && !s.harmless(words):
			return resp.Value{}, fmt.Errorf("%w: it is not known whether the command was carried out", ended(err))
		case err != nil && (!elsewhere || time.Now().After(deadline)):
			return resp.Value{}, ended(err)
		case err != nil:
			s.next()
			time.Sleep(electionPause)
		case redirects < maxRedirects && s.moved(r):
			if err := s.requeue(); err != nil {
				return resp.Value{}, err
			}
			redirects++
		case waits(r) && elsewhere && time.Now().Before(deadline):
			s.next()
			time.Sleep(electionPause)
		default:
			s.remember(words, r)
			return r, nil
		}
	}
}

// errEnded is a connection's end, in redis-cli's words.
var errEnded = errors.New("Error: Server closed the connection")

// ended puts a connection's error into words for people.
func ended(err error) error {
	var refused *connectError
	switch {
	case errors.As(err, &refused):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return errEnded
	}
	return fmt.Errorf("Error: %w", err)
}

// attempt sends the command once; sent says whether it left completely, and
// may have been carried out.
func (s *session) attempt(words []string) (r resp.Value, sent bool, err error) {
	if err := s.ready(); err != nil {
		return resp.Value{}, false, err
	}
	r, err = s.conn.Do(0, words...)
	if err != nil {
		s.drop()
		return resp.Value{}, !errors.Is(err, errNotSent), err
	}
	return r, true, nil
}

// drop gives up a connection that has failed, and what was queued on it.
func (s *session) drop() {
	s.close()
	s.multi = nil
}

// ready makes sure of a connection that the other side has not closed.
func (s *session) ready() error {
	if s.conn != nil && !s.conn.alive() {
		queued := s.multi != nil
		s.drop()
		if queued {
			return io.EOF
		}
	}
	if s.conn == nil {
		return s.connect()
	}
	return nil
}

// A connectError says that no connection was made.
type connectError struct{ text string }

func (e *connectError) Error() string { return e.text }

// connect dials the server in use and tells it what is settled.
func (s *session) connect() error {
	network, addr := "tcp", s.addr
	if s.o.socket != "" {
		network, addr = "unix", s.o.socket
	}
	if s.warns {
		s.warns = false
		fmt.Fprintln(s.notes, "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.")
	}
	c, err := Dial(network, addr, dialTimeout)
	if err == nil && s.o.tls {
		err = c.secure(&s.o, dialTimeout)
	}
	if err != nil {
		return &connectError{fmt.Sprintf("Could not connect to Regent at %s: %s", shown(addr), reason(err))}
	}
	c.pushed = s.pushed
	if err := s.greet(c); err != nil {
		c.Close()
		return err
	}
	s.conn = c
	if s.o.follow && s.o.socket == "" {
		return s.learn()
	}
	return nil
}

// shown is an address as redis-cli prints it in errors: without brackets.
func shown(addr string) string {
	if host, port, err := net.SplitHostPort(addr); err == nil {
		return host + ":" + port
	}
	return addr
}

// reason is why a connection was not made, as C's strerror puts it.
func reason(err error) string {
	var no syscall.Errno
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "Name or service not known"
	case errors.As(err, &no):
		text := no.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return err.Error()
}

func (s *session) greet(c *Conn) error {
	var lines [][]string
	if s.set.password != "" {
		auth := []string{"AUTH", s.set.password}
		if s.set.user != "" {
			auth = []string{"AUTH", s.set.user, s.set.password}
		}
		lines = append(lines, auth)
	}
	if s.set.proto == 3 { // a connection begins with 2
		lines = append(lines, []string{"HELLO", "3"})
	}
	if s.set.name != "" {
		lines = append(lines, []string{"CLIENT", "SETNAME", s.set.name})
	}
	if s.set.db != 0 {
		lines = append(lines, []string{"SELECT", strconv.Itoa(s.set.db)})
	}
	for _, words := range lines {
		r, err := c.Do(dialTimeout, words...)
		if err != nil {
			return err
		}
		if r.IsError() {
			what := words[0]
			if what == "HELLO" || what == "SELECT" {
				what = strings.Join(words, " ")
			}
			fmt.Fprintf(s.notes, "%s failed: %s\n", what, r.Text)
		}
	}
	return nil
}

// learn asks for the other nodes' addresses; a server without a cluster
// answers with an error, and there is nothing to know. One that does not answer
// is as good as one that was not reached.
func (s *session) learn() error {
	r, err := s.conn.Do(dialTimeout, "CLUSTER", "SLOTS")
	if err != nil {
		s.close()
		return err
	}
	var known []string
	for _, slots := range r.Elems {
		for _, node := range slots.Elems[min(2, len(slots.Elems)):] {
			if at := node.Elems; len(at) >= 2 && len(at[0].Text) > 0 {
				known = append(known, net.JoinHostPort(string(at[0].Text), string(at[1].Text)))
			}
		}
	}
	if len(known) > 0 {
		s.known = known
	}
	return nil
}

// next moves on to another known node.
func (s *session) next() {
	s.close()
	if len(s.known) > 0 {
		s.addr = s.known[(slices.Index(s.known, s.addr)+1)%len(s.known)]
	}
}

// moved follows a redirection.
func (s *session) moved(r resp.Value) bool {
	if !s.o.follow || s.o.socket != "" || !isMoved(r) {
		return false
	}
	f := strings.Fields(string(r.Text))
	addr, ok := movedTo(f)
	if !ok {
		return false
	}
	s.close()
	s.addr = addr
	if s.o.style == styleTyped {
		fmt.Fprintf(s.out, "-> Redirected to slot [%s] located at %s\n", f[1], f[2])
	}
	return true
}

func isMoved(r resp.Value) bool { return r.IsError() && strings.HasPrefix(string(r.Text), "MOVED ") }

// movedTo reads the address of MOVED slot host:port, where an IPv6 host may
// stand without brackets.
func movedTo(fields []string) (addr string, ok bool) {
	if len(fields) != 3 {
		return "", false
	}
	at := strings.LastIndexByte(fields[2], ':')
	if at <= 0 {
		return "", false
	}
	host := strings.Trim(fields[2][:at], "[]")
	return net.JoinHostPort(host, fields[2][at+1:]), true
}

// requeue brings a transaction that was not executed to the new connection.
func (s *session) requeue() error {
	if s.multi == nil {
		return nil
	}
	queued := s.multi
	if err := s.connect(); err != nil {
		s.multi = nil
		return err
	}
	for _, command := range append([]string{string(resp.AppendCommand(nil, "MULTI"))}, queued...) {
		err := s.conn.send([]byte(command))
		var r resp.Value
		if err == nil {
			r, err = s.conn.reply()
		}
		if err == nil && r.IsError() {
			err = errors.New(string(r.Text))
		}
		if err != nil {
			s.drop()
			return fmt.Errorf("%w: the transaction was not executed", ended(err))
		}
	}
	return nil
}

// waits reports whether a reply asks for patience: nothing was carried out.
func waits(r resp.Value) bool {
	return r.IsError() && strings.HasPrefix(string(r.Text), "CLUSTERDOWN")
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"regent/engine"
	"regent/resp"
)

const (
	// dialTimeout bounds one attempt to connect.
	dialTimeout = time.Second
	// replyTimeout bounds the wait for one reply. Blocking commands bring
	// their own timeouts; nothing blocks longer than this without one.
	replyTimeout = 60 * time.Second
	// electionPause is the wait between two attempts while nobody leads.
	electionPause = 50 * time.Millisecond
	// maxRedirects bounds how often one command is sent elsewhere at once.
	maxRedirects = 16
	// maxLine bounds a line of a batch in bytes.
	maxLine = 64 << 20
)

// A cliSession is a connection that moves with the leader.
type cliSession struct {
	o     cliOptions
	table *engine.Table
	notes io.Writer // where redirections are mentioned
	addr  string    // of the server in use
	known []string  // all nodes' addresses, as far as they were told
	conn  *serverConn
	db    int
}

func newCliSession(o cliOptions, notes io.Writer) *cliSession {
	return &cliSession{
		o: o, notes: notes, table: engine.NewTable(), db: o.db,
		addr: net.JoinHostPort(o.host, strconv.Itoa(o.port)),
	}
}

func (s *cliSession) close() {
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
	}
}

func (s *cliSession) prompt() string {
	where := s.addr
	if s.o.socket != "" {
		where = s.o.socket
	}
	if s.conn == nil {
		where += " (not connected)"
	}
	if s.db != 0 {
		where += fmt.Sprintf("[%d]", s.db)
	}
	return where + "> "
}

// exec sends one command and returns its reply, through redirections and an
// election. An error means that there is no reply. What administers a server
// goes to the server in use and to no other: SHUTDOWN, sent on to the next
// node for want of a reply, would end them one after the other.
func (s *cliSession) exec(words []string) (resp.Value, error) {
	deadline := time.Now().Add(s.o.patience)
	for redirects := 0; ; {
		r, sent, err := s.attempt(words)
		elsewhere := len(s.known) > 1 && s.anywhere(words)
		switch {
		case err != nil && sent && !s.harmless(words):
			//lint:ignore ST1005 shown to people
			return resp.Value{}, fmt.Errorf("Connection lost: the command may or may not have been carried out (%w)", err)
		case err != nil && (!elsewhere || time.Now().After(deadline)):
			return resp.Value{}, err
		case err != nil:
			s.next()
			time.Sleep(electionPause)
		case s.moved(r) && redirects < maxRedirects:
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

// attempt sends the command once; sent says whether it may have arrived.
func (s *cliSession) attempt(words []string) (r resp.Value, sent bool, err error) {
	if s.conn == nil {
		if err := s.connect(); err != nil {
			return resp.Value{}, false, err
		}
	}
	r, err = s.conn.do(replyTimeout, words)
	if err != nil {
		s.close()
		return resp.Value{}, true, err
	}
	return r, false, nil
}

// connect dials the server in use and says who we are.
func (s *cliSession) connect() error {
	network, addr := "tcp", s.addr
	if s.o.socket != "" {
		network, addr = "unix", s.o.socket
	}
	c, err := dialServer(network, addr, dialTimeout)
	if errors.Is(err, syscall.ECONNREFUSED) {
		//lint:ignore ST1005 shown to people
		return fmt.Errorf("Could not connect to Regent at %s: Connection refused", addr)
	}
	if err != nil {
		//lint:ignore ST1005 shown to people
		return fmt.Errorf("Could not connect to Regent at %s: %w", addr, err)
	}
	if err := s.greet(c); err != nil {
		c.close()
		return err
	}
	s.conn = c
	s.learn()
	return nil
}

func (s *cliSession) greet(c *serverConn) error {
	var lines [][]string
	if s.o.password != "" {
		auth := []string{"AUTH", s.o.password}
		if s.o.user != "" {
			auth = []string{"AUTH", s.o.user, s.o.password}
		}
		lines = append(lines, auth)
	}
	if s.o.resp3 {
		lines = append(lines, []string{"HELLO", "3"})
	}
	if s.db != 0 {
		lines = append(lines, []string{"SELECT", strconv.Itoa(s.db)})
	}
	for _, words := range lines {
		r, err := c.do(dialTimeout, words)
		if err != nil {
			return fmt.Errorf("%s at %s: %w", words[0], s.addr, err)
		}
		if r.IsError() {
			fmt.Fprintf(s.notes, "%s failed: %s\n", words[0], string(r.Text))
		}
	}
	return nil
}

// learn asks for the other nodes' addresses; a server without a cluster
// answers with an error, and there is nothing to know.
func (s *cliSession) learn() {
	r, err := s.conn.do(dialTimeout, []string{"CLUSTER", "SLOTS"})
	if err != nil {
		s.close()
		return
	}
	var known []string
	for _, slots := range r.Elems {
		for _, node := range slots.Elems[min(2, len(slots.Elems)):] {
			if at := node.Elems; len(at) >= 2 {
				known = append(known, net.JoinHostPort(string(at[0].Text), string(at[1].Text)))
			}
		}
	}
	if len(known) > 0 {
		s.known = known
	}
}

// next moves on to another known node.
func (s *cliSession) next() {
	s.close()
	if len(s.known) > 0 {
		s.addr = s.known[(slices.Index(s.known, s.addr)+1)%len(s.known)]
	}
}

// moved follows a redirection.
func (s *cliSession) moved(r resp.Value) bool {
	if s.o.stay || s.o.socket != "" || !r.IsError() || !strings.HasPrefix(string(r.Text), "MOVED ") {
		return false
	}
	f := strings.Fields(string(r.Text))
	if len(f) != 3 {
		return false
	}
	s.close()
	s.addr = f[2]
	if s.o.format == formatTyped {
		fmt.Fprintf(s.notes, "-> Redirected to slot [%s] located at %s\n", f[1], f[2])
	}
	return true
}

// waits reports whether a reply asks for patience: nothing was carried out.
func waits(r resp.Value) bool {
	return r.IsError() && strings.HasPrefix(string(r.Text), "CLUSTERDOWN")
}

// lookup finds a command, or a container's subcommand, in the table.
func (s *cliSession) lookup(words []string) (cmd *engine.Command, known bool) {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	return s.table.Lookup(args)
}

// harmless reports whether a command may be sent twice: it reads data and
// does nothing else. A command that the table does not know may do anything.
func (s *cliSession) harmless(words []string) bool {
	cmd, known := s.lookup(words)
	return known && cmd.Has(engine.ReadOnly) &&
		cmd.Flags&(engine.Write|engine.Admin|engine.Blocking|engine.PubSub) == 0
}

// anywhere reports whether another node than the one in use may be asked: for
// a command on data any node leads to the leader. What has no data flag is
// about the server itself, or unknown.
func (s *cliSession) anywhere(words []string) bool {
	cmd, known := s.lookup(words)
	return known && cmd.Flags&(engine.ReadOnly|engine.Write) != 0 && cmd.Flags&engine.Admin == 0
}

// remember keeps what a command changed about the connection, so that a new
// one is made alike.
func (s *cliSession) remember(words []string, r resp.Value) {
	if r.IsError() {
		return
	}
	switch strings.ToLower(words[0]) {
	case "select":
		s.db, _ = strconv.Atoi(words[len(words)-1])
	case "auth":
		s.o.user, s.o.password = "", words[len(words)-1]
		if len(words) == 3 {
			s.o.user = words[1]
		}
	}
}

// eachLine calls f for every line of in.
func eachLine(in *os.File, f func(string) error) error {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		if err := f(sc.Text()); err != nil {
			return err
		}
	}
	return sc.Err()
}

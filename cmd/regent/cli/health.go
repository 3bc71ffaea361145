package cli

import (
	"errors"
	"fmt"
	"time"
)

// healthTimeout bounds each reply that a health check waits for.
const healthTimeout = 3 * time.Second

// healthUsage is what `regent check-health --help` prints.
const healthUsage = `Usage: regent check-health [-h host] [-p port] [-s socket] [-u uri] [-a password]

Exits with 0 when the server can do its work, with 1 and a reason when it can
not: it does not answer, it is loading, it does not know a leader, it has no
link to the leader, or its log can't be written. REDISCLI_AUTH passes the
password.
`

// Health carries out `regent check-health`: it asks the one server that is
// named, and prints a line.
func (t Tool) Health(args []string) int {
	o := defaults(t)
	words, err := o.parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(t.Out, healthUsage)
		return exitOK
	case err == nil && len(words) > 0:
		err = fmt.Errorf("check-health takes options alone, not %q", words[0])
	}
	if err != nil {
		fmt.Fprintln(t.Err, err)
		return exitFailed
	}
	if o.password == "" {
		o.password = t.Getenv(passwordEnv)
	}
	o.follow, o.noAuthWarning = false, true
	s := newSession(o, t.Out, t.Err)
	defer s.close()
	info, err := s.info()
	if err == nil {
		err = healthy(info)
	}
	if err != nil {
		fmt.Fprintf(t.Out, "unhealthy: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(t.Out, "healthy: %s\n", roleOf(info))
	return exitOK
}

// info reads what a server says of itself.
func (s *session) info() (map[string]string, error) {
	if err := s.ready(); err != nil {
		return nil, ended(err)
	}
	r, err := s.conn.Do(healthTimeout, "INFO", "everything")
	switch {
	case err != nil:
		return nil, ended(err)
	case r.IsError():
		return nil, errors.New(string(r.Text))
	}
	return InfoFields(string(r.Text)), nil
}

// healthy says what keeps a server from its work, nil for nothing.
func healthy(info map[string]string) error {
	clustered := info["nodes"] != "" && info["nodes"] != "1"
	switch {
	case info["loading"] == "1":
		return errors.New("it is loading its data")
	case info["aof_last_write_status"] == "err":
		return errors.New("its log can't be written")
	case info["membership"] == "removed":
		return errors.New("it was removed from the cluster")
	case info["membership"] == "joining":
		return errors.New("it waits to be taken in (REGENT NODE ADD)")
	case clustered && info["leader_id"] == "0":
		return errors.New("no leader is known")
	case info["role"] == "slave" && info["master_link_status"] != "up":
		return fmt.Errorf("it has no link to the leader %s", info["leader_addr"])
	}
	return nil
}

func roleOf(info map[string]string) string {
	switch {
	case info["role"] == "slave":
		return "follows " + info["leader_addr"]
	case info["nodes"] == "" || info["nodes"] == "1":
		return "a lone server"
	}
	return "leads, epoch " + info["epoch"]
}

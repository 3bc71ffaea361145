package main

import (
	"net"
	"os"
)

// A serviceManager is what started the process: it is told
// when the server loads, serves and ends, as redis-server tells it (supervised).
type serviceManager struct {
	socket  string // systemd's NOTIFY_SOCKET, "" for none
	upstart bool   // wants the process to stop itself once
}

// supervisedBy finds the service manager that the directive's value allows.
func supervisedBy(kind string, env func(string) string) serviceManager {
	var s serviceManager
	if kind == "systemd" || kind == "auto" {
		s.socket = env("NOTIFY_SOCKET")
	}
	if kind == "upstart" || kind == "auto" && s.socket == "" {
		s.upstart = env("UPSTART_JOB") != ""
	}
	return s
}

func (s serviceManager) found() bool { return s.socket != "" || s.upstart }

func (s serviceManager) loading() {
	s.notify("STATUS=Regent is loading...\n")
	if s.upstart {
		_ = os.Unsetenv("UPSTART_JOB") // for whatever is started from here
		stopSelf()
	}
}

func (s serviceManager) ready()    { s.notify("STATUS=Ready to accept connections\nREADY=1\n") }
func (s serviceManager) stopping() { s.notify("STOPPING=1\n") }

// notify sends one datagram of sd_notify(3); a service manager that is gone is
// told nothing.
func (s serviceManager) notify(state string) {
	if s.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(state))
}

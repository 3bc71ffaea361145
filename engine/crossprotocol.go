package engine

import "regent/engine/spec"

// Cross-protocol scripting: a web page can have a browser send an HTTP request
// to a server on the visitor's own machine, and the lines of its body would be
// carried out as inline commands. Every such request has a first line that begins
// with POST, or a line that begins with Host:, before its body. Whatever
// connection says one of them as a command is closed at once, without a reply, and
// nothing that stands behind is carried out (Redis: server.c, processCommand and
// securityWarningCommand). GET / of a browser is an error, and is followed by Host:.

// attackQuiet is for how many milliseconds after a warning about cross-protocol
// scripting there is no other: an attacker must not fill the disk with them.
const attackQuiet = 60_000

// speaksHTTP reports whether a command that does not exist is a line of an HTTP
// request. Redis compares C strings: what follows a NUL does not count.
func speaksHTTP(name []byte) bool {
	const longest = len("host:") + 1 // with the NUL
	word := Clip(name, longest)
	return spec.EqualFold(word, "post") || spec.EqualFold(word, "host:")
}

// abort closes the connection of s, which speaks HTTP. What the batch has written
// before stays done; its replies are dropped.
func (e *Engine) abort(s *Session) {
	now, last := e.host.Now(), e.attackAt.Load()
	age := now - last
	if (last == 0 || age > attackQuiet || age < -attackQuiet) && e.attackAt.CompareAndSwap(last, now) {
		e.host.Logf(LevelWarning, "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. "+
			"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection from %s aborted.", s.conn.RemoteAddr())
	}
	s.conn.Kill()
}

package enginetest

import "regent/engine"

// A Client is a session and its connection.
type Client struct {
	*engine.Session
	Server *Server
	Link   *Conn
}

// Client opens a session.
func (s *Server) Client() *Client { return s.ClientAt(engine.FacePort) }

// ClientAt opens a session at a face.
func (s *Server) ClientAt(f engine.Face) *Client {
	link := &Conn{}
	return &Client{s.NewSession(link, f), s, link}
}

// Far opens a session for a connection of the test's own; what that counts is not seen.
func (s *Server) Far(conn engine.Conn, f engine.Face) *Client {
	return &Client{s.NewSession(conn, f), s, &Conn{}}
}

// Do carries out a command and returns its reply as it would be sent: empty
// when the session is parked, or wants no replies.
func (c *Client) Do(args ...string) string {
	raw := make([][]byte, len(args))
	for i, a := range args {
		raw[i] = []byte(a)
	}
	c.Server.Execute(c.Session, raw)
	if c.RunsScript() { // in the background, which is here and now
		c.Server.Host.Advance(0)
		c.Server.Resume(c.Session)
	}
	return c.take()
}

// Hear takes what was published for the session.
func (c *Client) Hear() string {
	c.Server.TakePushes(c.Session)
	return c.take()
}

// Go lets a parked session look again, as its connection does after a Wake,
// and returns the reply once there is one.
func (c *Client) Go() string {
	c.Server.Resume(c.Session)
	return c.take()
}

func (c *Client) take() string {
	out := string(c.W.Bytes())
	c.W.Truncate(0)
	return out
}

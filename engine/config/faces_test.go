package config

import "testing"

// TestShownPorts: what is announced counts for a face that there is.
func TestShownPorts(t *testing.T) {
	for _, try := range []struct{ port, announced, want int64 }{
		{0, 0, 0}, {6001, 0, 6001}, {6001, 16001, 16001}, {0, 16001, 0},
	} {
		c := New()
		c.PlainPort.Set(try.port)
		c.AnnouncePlainPort.Set(try.announced)
		if plain, sentinel := c.ShownPorts(); int64(plain) != try.want || sentinel != 0 {
			t.Errorf("%+v: %d and %d", try, plain, sentinel)
		}
		c = New()
		c.SentinelPort.Set(try.port)
		c.AnnounceSentinelPort.Set(try.announced)
		if plain, sentinel := c.ShownPorts(); plain != 0 || int64(sentinel) != try.want {
			t.Errorf("%+v: %d and %d", try, plain, sentinel)
		}
	}
}

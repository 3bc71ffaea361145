package config

import "testing"

// TestShownPorts: what is announced counts for a face that there is; announce-port is that
// by TLS where nodes are reached by TLS, unless announce-tls-port is that.
func TestShownPorts(t *testing.T) {
	for _, try := range []struct {
		set       func(*Config)
		bare, tls FacePorts
		says      int64 // AnnouncedPort
	}{
		{set: func(c *Config) { c.Port.Set(1) }, bare: FacePorts{Port: 1}},
		{set: func(c *Config) { c.Port.Set(1); c.AnnouncePort.Set(11) }, bare: FacePorts{Port: 11}, says: 11},
		{set: func(c *Config) { c.Port.Set(1); c.PlainPort.Set(2); c.AnnouncePlainPort.Set(12) }, bare: FacePorts{Port: 1, Plain: 12}},
		{set: func(c *Config) { c.Port.Set(1); c.AnnouncePlainPort.Set(12); c.AnnounceTLSPort.Set(14) }, bare: FacePorts{Port: 1}},
		{set: func(c *Config) { c.Port.Set(1); c.SentinelPort.Set(3); c.AnnounceSentinelPort.Set(13) }, bare: FacePorts{Port: 1, Sentinel: 13}},
		{set: func(c *Config) { c.Port.Set(1); c.TLSPort.Set(4); c.AnnouncePort.Set(11); c.AnnounceTLSPort.Set(14) },
			bare: FacePorts{Port: 11}, tls: FacePorts{Port: 14}, says: 11},
		{set: func(c *Config) { c.Port.Set(1); c.TLSPort.Set(4); c.AnnouncePort.Set(11) }, bare: FacePorts{Port: 11}, tls: FacePorts{Port: 4}, says: 11},
		{set: func(c *Config) { c.Port.Set(0); c.TLSPort.Set(4); c.AnnouncePort.Set(11) }, tls: FacePorts{Port: 11}, says: 11},
		{set: func(c *Config) { c.Port.Set(1); c.TLSPort.Set(4); c.TLSCluster.Set(true); c.AnnouncePort.Set(11) },
			bare: FacePorts{Port: 1}, tls: FacePorts{Port: 11}, says: 11},
		{set: func(c *Config) {
			c.Port.Set(1)
			c.TLSPort.Set(4)
			c.TLSCluster.Set(true)
			c.AnnouncePort.Set(11)
			c.AnnounceTLSPort.Set(14)
		},
			bare: FacePorts{Port: 11}, tls: FacePorts{Port: 14}, says: 14},
		{set: func(c *Config) {
			c.Port.Set(1)
			c.TLSPlainPort.Set(5)
			c.AnnounceTLSPlainPort.Set(15)
			c.TLSSentinelPort.Set(6)
			c.AnnounceTLSSentinelPort.Set(16)
		}, bare: FacePorts{Port: 1}, tls: FacePorts{Plain: 15, Sentinel: 16}},
	} {
		c := New()
		try.set(c)
		if bare, tls := c.ShownPorts(); bare != try.bare || tls != try.tls || c.AnnouncedPort() != try.says {
			t.Errorf("%+v: %+v, %+v, at %d", try, bare, tls, c.AnnouncedPort())
		}
	}
}

package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a node shows to clients that know nothing of clusters, and to those that ask
// Sentinels. 0 as a port: that face is not shown.
func (c *Config) faces() []*directive {
	return append(c.secretAnd("sentinel-requirepass", &c.SentinelRequirePass, &c.SentinelRequirePassFile), []*directive{
		number("plain-port", &c.PlainPort, 0, 0, maxPort).settled(),
		number("announce-plain-port", &c.AnnouncePlainPort, 0, 0, maxPort).settled(),
		yesNo("plain-forward", &c.PlainForward, true),
		number("sentinel-port", &c.SentinelPort, 0, 0, maxPort).settled(),
		number("announce-sentinel-port", &c.AnnounceSentinelPort, 0, 0, maxPort).settled(),
		number("http-port", &c.HTTPPort, 0, 0, maxPort).settled(),
		text("http-bind", &c.HTTPBind, DefaultHTTPBind).joined(" ").orNone().checked(fewBinds).settled(),
		yesNo("tls-http", &c.TLSHTTP, false).settled(),
		text("sentinel-master-name", &c.SentinelMasterName, "mymaster").joined(" ").checked(masterNames).settled(),
	}...)
}

// DefaultHTTPBind is this machine alone: http-port asks for no password.
const DefaultHTTPBind = "127.0.0.1 -::1"

// A FacePorts says where clients reach the faces of a node; 0: it does not show that one.
type FacePorts struct{ Port, Plain, Sentinel int }

// ShownPorts are those at which clients reach the node, without TLS and by it, which are not
// those that it listens at where ports are forwarded.
func (c *Config) ShownPorts() (bare, tls FacePorts) {
	shown := func(port *Int, announced int64) int {
		if port.Get() == 0 {
			return 0
		}
		return int(cmp.Or(announced, port.Get()))
	}
	port, tlsPort := c.AnnouncePort.Get(), c.AnnounceTLSPort.Get()
	if c.BaseTLS() && tlsPort == 0 {
		port, tlsPort = 0, port // announce-port says where the node is: by TLS
	}
	return FacePorts{shown(&c.Port, port), shown(&c.PlainPort, c.AnnouncePlainPort.Get()), shown(&c.SentinelPort, c.AnnounceSentinelPort.Get())},
		FacePorts{shown(&c.TLSPort, tlsPort), shown(&c.TLSPlainPort, c.AnnounceTLSPlainPort.Get()), shown(&c.TLSSentinelPort, c.AnnounceTLSSentinelPort.Get())}
}

// MasterNames are the names by which Sentinel clients know the data of this node: the
// first is the one that is shown.
func (c *Config) MasterNames() []string { return strings.Fields(c.SentinelMasterName.Get()) }

// SetMasterNames changes them.
func (c *Config) SetMasterNames(names []string) error {
	s := strings.Join(names, " ")
	if err := masterNames(s); err != nil {
		return err
	}
	c.SentinelMasterName.Set(s)
	return nil
}

// maxMasterNames bounds them: each is published and listed by itself.
const maxMasterNames = 16

func masterNames(s string) error {
	names := strings.Fields(s)
	if len(names) == 0 || len(names) > maxMasterNames {
		return fmt.Errorf("argument must be 1 to %d names", maxMasterNames)
	}
	for i, name := range names {
		if !printable(name) || slices.Contains(names[:i], name) {
			return errors.New("argument must be different names that can be printed")
		}
	}
	return nil
}

// checkFaces refuses ports that cannot be opened together.
func (c *Config) checkFaces() error {
	taken := map[int64]string{}
	for _, p := range []struct {
		name string
		port int64
	}{{"port", c.Port.Get()}, {"plain-port", c.PlainPort.Get()}, {"sentinel-port", c.SentinelPort.Get()},
		{"tls-port", c.TLSPort.Get()}, {"tls-plain-port", c.TLSPlainPort.Get()}, {"tls-sentinel-port", c.TLSSentinelPort.Get()}, {"http-port", c.HTTPPort.Get()}} {
		if other := taken[p.port]; other != "" && p.port != 0 {
			return fmt.Errorf("%s and %s are both %d: each face has a port of its own", other, p.name, p.port)
		}
		taken[p.port] = p.name
	}
	return nil
}

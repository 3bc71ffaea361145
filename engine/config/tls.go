package config

import (
	"cmp"
	"errors"
	"strings"
)

// What is asked of clients by TLS, the values of TLSAuthClients.
const (
	TLSAuthNo = iota
	TLSAuthYes
	TLSAuthOptional
)

// Which part of a client's certificate names its user, the values of TLSAuthClientsUser.
const (
	TLSUserOff = iota
	TLSUserCN
	TLSUserURI
)

// tls are the directives about TLS. Each face has a port of its own by TLS: tls-port,
// tls-plain-port and tls-sentinel-port beside port, plain-port and sentinel-port; 0: none.
func (c *Config) tls() []*directive {
	return append([]*directive{
		number("tls-port", &c.TLSPort, 0, 0, maxPort).lone(),
		number("tls-plain-port", &c.TLSPlainPort, 0, 0, maxPort).settled(),
		number("tls-sentinel-port", &c.TLSSentinelPort, 0, 0, maxPort).settled(),
		number("announce-tls-port", &c.AnnounceTLSPort, 0, 0, maxPort).aka("cluster-announce-tls-port").settled(),
		number("announce-tls-plain-port", &c.AnnounceTLSPlainPort, 0, 0, maxPort).settled(),
		number("announce-tls-sentinel-port", &c.AnnounceTLSSentinelPort, 0, 0, maxPort).settled(),
		text("tls-cert-file", &c.TLSCertFile, "").reshaped(cString),
		text("tls-key-file", &c.TLSKeyFile, "").reshaped(cString),
		secret("tls-key-file-pass", &c.TLSKeyPass).reshaped(cString),
		text("tls-client-cert-file", &c.TLSClientCertFile, "").reshaped(cString),
		text("tls-client-key-file", &c.TLSClientKeyFile, "").reshaped(cString),
		secret("tls-client-key-file-pass", &c.TLSClientKeyPass).reshaped(cString),
		text("tls-ca-cert-file", &c.TLSCAFile, "").reshaped(cString),
		text("tls-ca-cert-dir", &c.TLSCADir, "").reshaped(cString),
		choice("tls-auth-clients", &c.TLSAuthClients, TLSAuthYes, "no", "yes", "optional"),
		choice("tls-auth-clients-user", &c.TLSAuthClientsUser, TLSUserOff, "off", "CN", "URI"),
		text("tls-protocols", &c.TLSProtocols, "").reshaped(cString).joined(" "),
		text("tls-ciphers", &c.TLSCiphers, "").reshaped(cString),
		text("tls-ciphersuites", &c.TLSSuites, "").reshaped(cString),
		yesNo("tls-session-caching", &c.TLSSessions, true),
		number("tls-session-cache-timeout", &c.TLSSessionSeconds, 300, 0, anyInt),
		yesNo("tls-cluster", &c.TLSCluster, false).settled(),
		yesNo("tls-replication", &c.TLSReplication, false).settled(),
	}, idle("crypto/tls has its own way, which needs no setting",
		idleText("tls-dh-params-file", ""), idleYesNo("tls-prefer-server-ciphers", false),
		idleNumber("tls-session-cache-size", 20480, 0, anyInt),
	)...)
}

// AppliesTLS reports whether a change of a directive makes the certificates and what is
// spoken be read anew.
func AppliesTLS(name string) bool { return strings.HasPrefix(strings.ToLower(name), "tls-") }

// TLSPeers reports whether nodes speak TLS with one another. Redis has a directive for its
// bus and one for its replication: here both are the peers' channel.
func (c *Config) TLSPeers() bool { return c.TLSCluster.Get() || c.TLSReplication.Get() }

// SpeaksTLS reports whether anything is done by TLS.
func (c *Config) SpeaksTLS() bool {
	return c.TLSPort.Get() != 0 || c.TLSPlainPort.Get() != 0 || c.TLSSentinelPort.Get() != 0 || c.HTTPByTLS() || c.TLSPeers()
}

// HTTPByTLS reports whether there is an http-port and it speaks TLS.
func (c *Config) HTTPByTLS() bool { return c.HTTPPort.Get() != 0 && c.TLSHTTP.Get() }

// BasePort is the port at which its peers reach a node, and clients unless they ask for
// the other one: tls-port where peers speak TLS or there is no port without, else port.
func (c *Config) BasePort() int64 {
	if c.BaseTLS() {
		return c.TLSPort.Get()
	}
	return c.Port.Get()
}

// AnnouncedPort is the port that this node says it is at, where that is not BasePort; 0:
// nothing is said.
func (c *Config) AnnouncedPort() int64 {
	if c.BaseTLS() {
		return cmp.Or(c.AnnounceTLSPort.Get(), c.AnnouncePort.Get())
	}
	return c.AnnouncePort.Get()
}

// BaseTLS reports whether BasePort is tls-port.
func (c *Config) BaseTLS() bool {
	return c.TLSPeers() || c.Port.Get() == 0 && c.TLSPort.Get() != 0
}

// checkTLS refuses what cannot be meant together.
func (c *Config) checkTLS(peers int) error {
	if c.TLSPeers() && c.TLSPort.Get() == 0 {
		return errors.New("tls-cluster yes: peers are reached by TLS, so there must be a tls-port")
	}
	if peers > 0 && c.Port.Get() == 0 && c.TLSPort.Get() != 0 && !c.TLSPeers() {
		return errors.New("port 0 and tls-cluster no: peers without TLS are reached at port; say tls-cluster yes on every node")
	}
	return nil
}

package secure

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// What is asked of clients, the values of Settings.Auth in the order of tls-auth-clients.
const (
	AuthNo       = iota // nothing
	AuthYes             // a certificate
	AuthOptional        // if they show a certificate, a valid one
)

// Settings say where certificates are and what may be spoken.
type Settings struct {
	CertFile, KeyFile, KeyPass                   string
	ClientCertFile, ClientKeyFile, ClientKeyPass string // shown to other servers; "": the server's
	CAFile, CADir                                string
	Auth                                         int
	Mutual                                       bool   // other nodes come to the listener, and show a certificate
	Protocols, Ciphers, Suites                   string // in Redis's syntax
	Tickets                                      bool   // sessions may be resumed
	TicketSeconds                                int64  // for how long; 0: as long as crypto/tls lets them
	Now                                          func() time.Time
}

// Limits of what is read.
const (
	maxFile     = 4 << 20 // bytes of a file
	maxCAs      = 1024    // files of tls-ca-cert-dir that are looked at
	createdSize = 8       // bytes of a ticket's date
)

// A State is what one set of files gives. It does not change.
type State struct {
	server  *tls.Config
	client  *tls.Config // nil: there is no authority to trust
	roots   *x509.CertPool
	now     func() time.Time
	expires []Expiry
}

// An Expiry is when a certificate ends.
type Expiry struct {
	What  string // server, client or ca
	File  string
	Name  string // its subject
	Until time.Time
}

// Load reads the files. An error says which cannot be used, and why.
func Load(s Settings) (*State, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	st := &State{now: s.Now}
	switch {
	case s.CertFile == "":
		return nil, errors.New("no tls-cert-file configured")
	case s.KeyFile == "":
		return nil, errors.New("no tls-key-file configured")
	}
	own, err := st.pair("server", s.CertFile, s.KeyFile, s.KeyPass)
	if err != nil {
		return nil, err
	}
	shown := own
	if s.ClientCertFile != "" {
		if s.ClientKeyFile == "" {
			return nil, errors.New("no tls-client-key-file configured")
		}
		if shown, err = st.pair("client", s.ClientCertFile, s.ClientKeyFile, s.ClientKeyPass); err != nil {
			return nil, err
		}
	}
	if s.CAFile == "" && s.CADir == "" && (s.Auth != AuthNo || s.Mutual) {
		return nil, errors.New("either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled")
	}
	if s.CAFile != "" || s.CADir != "" {
		if err := st.authorities(s.CAFile, s.CADir); err != nil {
			return nil, err
		}
	}
	if st.server, err = st.listening(&s, own); err != nil {
		return nil, err
	}
	if st.roots != nil {
		if st.client, err = st.dialling(&s, shown); err != nil {
			return nil, err
		}
	}
	if s.Mutual {
		err = s.amongNodes(own)
	}
	return st, err
}

// listening is the configuration of the listener.
func (st *State) listening(s *Settings, own *tls.Certificate) (*tls.Config, error) {
	c := &tls.Config{
		ClientCAs: st.roots, Time: s.Now,
		SessionTicketsDisabled: !s.Tickets, DynamicRecordSizingDisabled: true,
	}
	Present(c, own)
	switch {
	case s.Auth == AuthYes:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case s.Auth == AuthOptional:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case s.Mutual:
		c.ClientAuth = tls.RequestClientCert // Verified looks at what peers show
	}
	if s.Tickets && s.TicketSeconds > 0 {
		limitTickets(c, s.Now, time.Duration(s.TicketSeconds)*time.Second)
	}
	return c, s.bound(c)
}

// limitTickets ends sessions that are older than limit: their clients begin anew.
func limitTickets(c *tls.Config, now func() time.Time, limit time.Duration) {
	c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		if len(ss.Extra) == 0 { // a resumed session keeps its age
			ss.Extra = append(ss.Extra, binary.BigEndian.AppendUint64(nil, uint64(now().Unix())))
		}
		return c.EncryptTicket(cs, ss)
	}
	c.UnwrapSession = func(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := c.DecryptTicket(identity, cs)
		if err != nil || ss == nil {
			return nil, err
		}
		if len(ss.Extra) != 1 || len(ss.Extra[0]) != createdSize {
			return nil, nil
		}
		if age := now().Sub(time.Unix(int64(binary.BigEndian.Uint64(ss.Extra[0])), 0)); age < 0 || age > limit {
			return nil, nil
		}
		return ss, nil
	}
}

// dialling is the configuration towards other servers. As in Redis their chain counts and
// their name does not: nodes are known by addresses, and by what they prove besides.
func (st *State) dialling(s *Settings, shown *tls.Certificate) (*tls.Config, error) {
	c := &tls.Config{
		Certificates: []tls.Certificate{*shown}, RootCAs: st.roots, Time: s.Now,
		InsecureSkipVerify: true, DynamicRecordSizingDisabled: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			return st.verify(cs.PeerCertificates, x509.ExtKeyUsageServerAuth)
		},
	}
	return c, s.bound(c)
}

// Dialling is the configuration of a client that is no node: the certificate of s if it has
// one, and its authorities, or the system's. As with redis-cli a server's chain counts and
// its name does not, and with insecure neither does; sni is the name that it is asked for.
func Dialling(s Settings, sni string, insecure bool) (*tls.Config, error) {
	st := &State{now: time.Now}
	c := &tls.Config{ServerName: sni, InsecureSkipVerify: true, DynamicRecordSizingDisabled: true}
	if s.CertFile != "" || s.KeyFile != "" {
		own, err := st.pair("client", s.CertFile, s.KeyFile, s.KeyPass)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{*own}
	}
	var err error
	if s.CAFile != "" || s.CADir != "" {
		err = st.authorities(s.CAFile, s.CADir)
	} else if !insecure {
		st.roots, err = x509.SystemCertPool()
	}
	if err != nil {
		return nil, err
	}
	if !insecure {
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			return st.verify(cs.PeerCertificates, x509.ExtKeyUsageServerAuth)
		}
	}
	return c, s.bound(c)
}

// verify looks whether a chain of certificates ends at an authority.
func (st *State) verify(chain []*x509.Certificate, usage x509.ExtKeyUsage) error {
	if len(chain) == 0 {
		return errors.New("no certificate was shown")
	}
	o := x509.VerifyOptions{Roots: st.roots, Intermediates: x509.NewCertPool(), CurrentTime: st.now(), KeyUsages: []x509.ExtKeyUsage{usage}}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	return err
}

// Server is the configuration for connections that come.
func (st *State) Server() *tls.Config { return st.server }

// Client is the configuration for connections to other nodes; nil: no authority is
// configured that could vouch for them.
func (st *State) Client() *tls.Config { return st.client }

// Verified reports whether a connection's other end has shown a certificate that counts
// now, whatever was asked of it at its handshake.
func (st *State) Verified(cs tls.ConnectionState) error {
	if st.roots == nil {
		return errors.New("no authority is configured")
	}
	return st.verify(cs.PeerCertificates, x509.ExtKeyUsageClientAuth)
}

// Expires are when the certificates end, the soonest first.
func (st *State) Expires() []Expiry { return st.expires }

// pair reads a certificate and its key.
func (st *State) pair(what, certFile, keyFile, password string) (*tls.Certificate, error) {
	cert, err := read(certFile)
	if err != nil {
		return nil, fmt.Errorf("failed to load certificate: %w", err)
	}
	key, err := read(keyFile)
	if err == nil {
		key, err = openKey(key, password)
	}
	if err != nil {
		return nil, fmt.Errorf("failed to load private key: %s: %w", keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("failed to use certificate %s with key %s: %w", certFile, keyFile, err)
	}
	if leaf := pair.Leaf; leaf != nil {
		st.note(Expiry{what, certFile, leaf.Subject.String(), leaf.NotAfter})
	}
	return &pair, nil
}

func (st *State) note(e Expiry) {
	st.expires = append(st.expires, e)
	slices.SortStableFunc(st.expires, func(a, b Expiry) int { return a.Until.Compare(b.Until) })
}

// authorities reads the certificates of tls-ca-cert-file and tls-ca-cert-dir.
func (st *State) authorities(file, dir string) error {
	st.roots = x509.NewCertPool()
	if file != "" {
		text, err := read(file)
		if err != nil {
			return fmt.Errorf("failed to configure CA certificate(s) file: %w", err)
		}
		if st.trust(file, text) == 0 {
			return fmt.Errorf("failed to configure CA certificate(s) file: %s has no certificate", file)
		}
	}
	if dir == "" {
		return nil
	}
	names, err := listed(dir)
	if err != nil {
		return fmt.Errorf("failed to configure CA certificate(s) directory: %w", err)
	}
	found := 0
	for _, name := range names {
		if text, err := read(name); err == nil { // folders and what cannot be read
			found += st.trust(name, text)
		}
	}
	if found == 0 && file == "" {
		return fmt.Errorf("failed to configure CA certificate(s) directory: there is no certificate in %s", dir)
	}
	return nil
}

// trust adds the certificates in a file, and returns how many they were.
func (st *State) trust(file string, text []byte) (n int) {
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		if b.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(b.Bytes); err == nil {
			st.roots.AddCert(c)
			st.note(Expiry{"ca", file, c.Subject.String(), c.NotAfter})
			n++
		}
	}
	return n
}

// listed are the files of a folder, at most maxCAs of them.
func listed(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(maxCAs)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = filepath.Join(dir, n)
	}
	return names, nil
}

// read reads a file of bounded size.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, err
}

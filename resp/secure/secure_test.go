package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// files writes a certificate that signs itself, its key, and returns settings with them.
func files(t *testing.T) Settings {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, is, is, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := write("c", "CERTIFICATE", cert)
	return Settings{CertFile: c, KeyFile: write("k", "PRIVATE KEY", der), CAFile: c, Auth: AuthYes, Tickets: true}
}

// meet has a client and a server speak, and returns how the server sees it.
func meet(t *testing.T, server, client *tls.Config) (cs tls.ConnectionState, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	c := tls.Client(near, client)
	read := make(chan struct{})
	go func() {
		defer close(read)
		if c.Handshake() == nil {
			_, _ = c.Read(make([]byte, 1)) // the tickets
		}
		_ = near.Close()
	}()
	s := tls.Server(far, server)
	if err = s.Handshake(); err == nil {
		_, err = s.Write([]byte("x"))
		<-read
	}
	return s.ConnectionState(), err
}

func TestProtectedKeys(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is needed: `make tools` installs it")
	}
	for _, how := range [][]string{
		{"pkcs8", "-topk8", "-v2", "aes256"}, {"pkcs8", "-topk8", "-v2", "aes128", "-v2prf", "hmacWithSHA1"},
		{"pkcs8", "-topk8", "-v2", "des3", "-v2prf", "hmacWithSHA512"}, {"ec", "-aes256"},
	} {
		s := files(t)
		out := s.KeyFile + ".locked"
		if text, err := exec.Command("openssl", append(how, "-in", s.KeyFile, "-out", out, "-passout", "pass:hush")...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		s.KeyFile, s.KeyPass = out, "hush"
		if _, err := Load(s); err != nil {
			t.Errorf("%v: %v", how, err)
		}
		for _, wrong := range []string{"", "Hush"} {
			s.KeyPass = wrong
			if _, err := Load(s); err == nil {
				t.Errorf("%v: the password %q is taken", how, wrong)
			}
		}
	}
}

func TestLists(t *testing.T) {
	for list, want := range map[string]int{"": 0, "DEFAULT": len(strongest), "ECDHE-RSA-AES128-GCM-SHA256": 1, "nonsense:AES256-SHA": 1,
		"DEFAULT:!CHACHA20": len(strongest) - 2, "ECDHE+AESGCM": 4, "!AES128:ECDHE+AESGCM": 2, "nonsense": -1, "ALL:!ALL": -1} {
		ids, err := ciphersOf(list)
		if got := len(ids); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %d suites, %v; want %d", list, got, err, want)
		}
	}
	for _, bad := range []Settings{{Protocols: "SSLv3"}, {Suites: "nonsense"}, {Ciphers: "nonsense"}} {
		s := files(t)
		s.Protocols, s.Suites, s.Ciphers = bad.Protocols, bad.Suites, bad.Ciphers
		if _, err := Load(s); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestNothingWeaker: what crypto/tls cannot be told beforehand ends the connection.
func TestNothingWeaker(t *testing.T) {
	s := files(t)
	open, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	if cs, err := meet(t, open.Server(), open.Client()); err != nil || cs.Version != tls.VersionTLS13 {
		t.Fatalf("%v, %x", err, cs.Version)
	}
	var other string
	cs, _ := meet(t, open.Server(), open.Client())
	for _, c := range tls.CipherSuites() {
		if slices.Contains(c.SupportedVersions, tls.VersionTLS13) && c.ID != cs.CipherSuite {
			other = c.Name
		}
	}
	s.Suites = other
	strict, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := meet(t, strict.Server(), open.Client()); err == nil || !strings.Contains(err.Error(), "tls-ciphersuites") {
		t.Errorf("another suite than %s: %v", other, err)
	}
	s.Suites, s.Protocols = "", "TLSv1.1 TLSv1.3"
	if strict, err = Load(s); err != nil {
		t.Fatal(err)
	}
	old := open.Client().Clone()
	old.MaxVersion = tls.VersionTLS12
	if _, err := meet(t, strict.Server(), old); err == nil || !strings.Contains(err.Error(), "tls-protocols") {
		t.Errorf("TLS 1.2 between two that are allowed: %v", err)
	}
}

// TestWhoIsBelieved: of another node's certificate count its authority, its time and what it is for, at either end,
// and at the time of asking: one that has ended since, or whose authority has gone, counts no more.
func TestWhoIsBelieved(t *testing.T) {
	now := time.Now()
	s := files(t)
	s.Now = func() time.Time { return now }
	ours, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(by tls.Certificate, from, until time.Duration, uses ...x509.ExtKeyUsage) tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		is := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: now.Add(from), NotAfter: now.Add(until), ExtKeyUsage: uses}
		der, err := x509.CreateCertificate(rand.Reader, is, by.Leaf, &key.PublicKey, by.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	foreign := files(t)
	other, err := tls.LoadX509KeyPair(foreign.CertFile, foreign.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	const h = time.Hour
	for what, c := range map[string]struct {
		shown          tls.Certificate
		dialled, heard bool // is it believed where it is dialled, and where it dials
	}{
		"a node's":               {signed(authority, -h, h), true, true},
		"for both":               {signed(authority, -h, h, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth), true, true},
		"for servers":            {signed(authority, -h, h, x509.ExtKeyUsageServerAuth), true, false},
		"for clients":            {signed(authority, -h, h, x509.ExtKeyUsageClientAuth), false, true},
		"ended":                  {signed(authority, -2*h, -h), false, false},
		"not begun":              {signed(authority, h, 2*h), false, false},
		"of another authority":   {signed(other, -h, h), false, false},
		"signed by a node's":     {signed(withLeaf(t, signed(authority, -h, h)), -h, h), false, false},
		"signed by itself alone": {other, false, false},
	} {
		if _, err := meet(t, &tls.Config{Certificates: []tls.Certificate{c.shown}, ClientAuth: tls.RequestClientCert}, ours.Client()); (err == nil) != c.dialled {
			t.Errorf("%s, dialled: %v", what, err)
		}
		cs, err := meet(t, &tls.Config{Certificates: []tls.Certificate{authority}, ClientAuth: tls.RequestClientCert},
			&tls.Config{Certificates: []tls.Certificate{c.shown}, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := ours.Verified(cs); (err == nil) != c.heard {
			t.Errorf("%s, heard: %v", what, err)
		}
		if now = now.Add(3 * h); ours.Verified(cs) == nil {
			t.Errorf("%s: it is believed after its end", what)
		}
		now = now.Add(-3 * h)
	}
}

// withLeaf is a certificate that may sign, as far as it says.
func withLeaf(t *testing.T, c tls.Certificate) tls.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	c.Leaf = leaf
	return c
}

// TestSuitesAmongNodes: settings under which nodes could not speak with one another are refused where they
// would have to, and no others.
func TestSuitesAmongNodes(t *testing.T) {
	s := files(t)
	open, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := meet(t, open.Server(), open.Client())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range tls.CipherSuites() {
		if !slices.Contains(c.SupportedVersions, tls.VersionTLS13) {
			continue
		}
		s.Suites = c.Name
		for protocols, mutual := range map[string]bool{"": true, "TLSv1.3": true, "TLSv1.2": true, "TLSv1.2 TLSv1.3": false} {
			s.Protocols, s.Mutual = protocols, mutual
			st, err := Load(s)
			if meets := c.ID == chosen.CipherSuite || protocols == "TLSv1.2" || !mutual; (err == nil) != meets {
				t.Errorf("%s by %q, nodes: %v: %v", c.Name, protocols, mutual, err)
			}
			if err != nil || !mutual {
				continue
			}
			if _, err := meet(t, st.Server(), st.Client()); err != nil {
				t.Errorf("%s by %q is taken, and then nodes cannot speak: %v", c.Name, protocols, err)
			}
		}
	}
}

// TestSessions: they are resumed for as long as it is said, and not under other certificates.
func TestSessions(t *testing.T) {
	s, now := files(t), time.Now()
	s.TicketSeconds, s.Now = 300, func() time.Time { return now }
	st, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	client := st.Client().Clone()
	client.ClientSessionCache, client.ServerName = tls.NewLRUClientSessionCache(1), "node"
	resumed := func(st *State) bool {
		t.Helper()
		cs, err := meet(t, st.Server(), client)
		if err != nil {
			t.Fatal(err)
		}
		return cs.DidResume
	}
	if resumed(st) || !resumed(st) {
		t.Error("the second is not the first resumed")
	}
	again, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	if resumed(again) || !resumed(again) {
		t.Error("a session outlives the certificates, or none is resumed afterwards")
	}
	now = now.Add(301 * time.Second)
	if resumed(again) {
		t.Error("a session is resumed after its time")
	}
}

// TestStore: files count once they stand still, and broken ones never.
func TestStore(t *testing.T) {
	s := files(t)
	st, err := NewStore(s)
	if err != nil {
		t.Fatal(err)
	}
	first := st.State()
	look := func(changed bool) error {
		t.Helper()
		is, err := st.Look()
		if is != changed {
			t.Errorf("changed: %v", is)
		}
		return err
	}
	_ = look(false)
	if err := os.WriteFile(s.CertFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = look(false) // it may be half written
	if err := look(true); err == nil || st.State() != first {
		t.Errorf("a broken file: %v", err)
	}
	_ = look(false) // once is enough
	other := files(t)
	for from, to := range map[string]string{other.CertFile: s.CertFile, other.KeyFile: s.KeyFile} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = look(false)
	if err := look(true); err != nil || st.State() == first {
		t.Errorf("good files: %v", err)
	}
	if _, err := meet(t, st.State().Server(), first.Client()); err == nil {
		t.Error("what the authority before has signed is taken")
	}
	if err := st.State().Verified(tls.ConnectionState{}); err == nil {
		t.Error("nothing was shown, and it counts")
	}
}

func TestWarnings(t *testing.T) {
	s := files(t)
	st, err := NewStore(s)
	if err != nil {
		t.Fatal(err)
	}
	end := st.State().Expires()[0].Until
	for _, w := range []struct {
		before time.Duration
		due    int
	}{{40 * 24 * time.Hour, 0}, {29 * 24 * time.Hour, 1}, {29*24*time.Hour - time.Hour, 0}, {27 * 24 * time.Hour, 1}, {-time.Hour, 1}} {
		if got := len(st.Warnings(end.Add(-w.before))); got != w.due {
			t.Errorf("%v before the end: %d warnings", w.before, got)
		}
	}
}

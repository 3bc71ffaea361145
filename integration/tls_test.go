package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// An authority signs certificates, in a folder of its own.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	next int64
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.key = newKey(t)
	is := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert = a.issue(is, is, a.key)
	a.write("ca.crt", "CERTIFICATE", a.cert.Raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue signs a certificate for key; one without an end lasts a year.
func (a *authority) issue(is, by *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.next++
	is.SerialNumber, is.NotBefore = big.NewInt(a.next), time.Now().Add(-48*time.Hour)
	if is.NotAfter.IsZero() {
		is.NotAfter = time.Now().Add(365 * 24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, is, by, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// sign writes name.crt and name.key for a common name.
func (a *authority) sign(name, common string, until time.Time, uris ...string) {
	key := newKey(a.t)
	is := &x509.Certificate{Subject: pkix.Name{CommonName: common}, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: []string{name}}
	for _, u := range uris {
		at, err := url.Parse(u)
		if err != nil {
			a.t.Fatal(err)
		}
		is.URIs = append(is.URIs, at)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".key", "EC PRIVATE KEY", der)
	a.write(name+".crt", "CERTIFICATE", a.issue(is, a.cert, key).Raw)
}

func (a *authority) write(name, kind string, der []byte) {
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// node are the flags of a node with this authority's certificates.
func (a *authority) node(name string) []string {
	return []string{"--tls-cert-file", a.path(name + ".crt"), "--tls-key-file", a.path(name + ".key"), "--tls-ca-cert-file", a.path("ca.crt")}
}

// client are redis-cli's flags; name "": without a certificate.
func (a *authority) client(name string, port int) []string {
	args := []string{"-p", strconv.Itoa(port), "--tls", "--cacert", a.path("ca.crt")}
	if name != "" {
		args = append(args, "--cert", a.path(name+".crt"), "--key", a.path(name+".key"))
	}
	return args
}

// redisCLI runs redis-cli and returns what it says, errors too.
func redisCLI(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), need(t, "redis-cli"), args...)
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(string(out))
}

// startTLS starts a server that speaks TLS alone.
func startTLS(t *testing.T, a *authority, more ...string) *harness.Node {
	t.Helper()
	n := prepareNode(t, binary())
	n.Args = append(append(append(n.Args, "--port", "0", "--tls-port", strconv.Itoa(n.Port)), a.node("server")...), more...)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the server answers by TLS", func() bool {
		return redisCLI(t, append(a.client("client", n.Port), "PING")...) == "PONG"
	})
	return n
}

// TestTLSCli: regent cli takes redis-cli's options.
func TestTLSCli(t *testing.T) {
	a := newPair(t)
	n := startTLS(t, a)
	cli := func(args ...string) string {
		out, _ := exec.CommandContext(t.Context(), binary(), append([]string{"cli"}, args...)...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	if got := cli(append(a.client("client", n.Port), "PING")...); got != "PONG" {
		t.Errorf("PING: %s", got)
	}
	port := strconv.Itoa(n.Port)
	if got := cli("-u", "rediss://127.0.0.1:"+port, "--insecure", "--cert", a.path("client.crt"), "--key", a.path("client.key"), "PING"); got != "PONG" {
		t.Errorf("--insecure: %s", got)
	}
	if got := cli("-p", port, "--tls", "--cert", a.path("client.crt"), "--key", a.path("client.key"), "PING"); !strings.Contains(got, "unknown authority") {
		t.Errorf("an authority that the system does not know: %s", got)
	}
}

func newPair(t *testing.T) *authority {
	a := newAuthority(t, "ca")
	a.sign("server", "server", time.Time{})
	a.sign("client", "client", time.Time{})
	return a
}

// TestTLS: redis-cli with the right certificate is served, and nobody else.
func TestTLS(t *testing.T) {
	a, other := newPair(t), newPair(t)
	n := startTLS(t, a)
	a.sign("old", "old", time.Now().Add(-time.Hour))
	other.write("ca.crt", "CERTIFICATE", a.cert.Raw) // it trusts the server
	say := func(a *authority, client string, words ...string) string {
		return redisCLI(t, append(a.client(client, n.Port), words...)...)
	}
	if got := say(a, "client", "SET", "k", "v"); got != "OK" {
		t.Errorf("SET: %s", got)
	}
	if got := say(a, "client", "GET", "k"); got != "v" {
		t.Errorf("GET: %s", got)
	}
	for what, got := range map[string]string{
		"no certificate":      say(a, "", "GET", "k"),
		"of another":          say(other, "client", "GET", "k"),
		"expired":             say(a, "old", "GET", "k"),
		"no TLS":              redisCLI(t, "-p", strconv.Itoa(n.Port), "GET", "k"),
		"TLS 1.1 (downgrade)": openssl(t, n.Port, a, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
	} {
		if strings.Contains(got, "v\n") || got == "v" || !strings.Contains(strings.ToLower(got), "error") {
			t.Errorf("%s: %q", what, got)
		}
	}
	if got := say(a, "client", "CONFIG", "SET", "tls-auth-clients", "no"); got != "OK" {
		t.Error(got)
	}
	if got := say(a, "", "GET", "k"); got != "v" {
		t.Errorf("without a certificate, which is not asked for: %s", got)
	}
}

// openssl connects with flags of openssl s_client, says GET k, and returns what it is told.
func openssl(t *testing.T, port int, a *authority, flags ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), need(t, "openssl"), append([]string{"s_client", "-connect", "127.0.0.1:" + strconv.Itoa(port),
		"-cert", a.path("client.crt"), "-key", a.path("client.key"), "-quiet"}, flags...)...)
	cmd.Stdin = strings.NewReader("GET k\r\nQUIT\r\n")
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// TestTLSUsers: a certificate names the user.
func TestTLSUsers(t *testing.T) {
	a := newPair(t)
	a.sign("bob", "bob", time.Time{}, "urn:user:carol")
	n := startTLS(t, a, "--tls-auth-clients-user", "CN")
	for _, name := range []string{"bob", "urn:user:carol"} {
		redisCLI(t, append(a.client("client", n.Port), "ACL", "SETUSER", name, "on", "+@all")...)
	}
	who := func(cert string) string { return redisCLI(t, append(a.client(cert, n.Port), "ACL", "WHOAMI")...) }
	if got := who("bob"); got != "bob" {
		t.Errorf("bob's certificate: %s", got)
	}
	if got := who("client"); got != "default" {
		t.Errorf("one that names nobody: %s", got)
	}
	redisCLI(t, append(a.client("client", n.Port), "CONFIG", "SET", "tls-auth-clients-user", "URI")...)
	if got := who("bob"); got != "urn:user:carol" {
		t.Errorf("by URI: %s", got)
	}
}

// TestTLSReload: files that are replaced count for new connections, open ones go on, and
// what cannot be used changes nothing.
func TestTLSReload(t *testing.T) {
	a := newPair(t)
	n := startTLS(t, a)
	c := tlsClient(t, a, "client", n.Port)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	open := c.Conn()
	defer open.Close()
	id := open.ClientID(t.Context()).Val()

	if err := os.WriteFile(a.path("server.crt"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the log tells of the broken file", func() bool { return strings.Contains(n.Log(), "cannot be used") })
	if got := redisCLI(t, append(a.client("client", n.Port), "PING")...); got != "PONG" {
		t.Errorf("with a broken file: %s", got)
	}

	// Another authority: what the old one signed is refused from now on, stolen or not.
	b := newPair(t)
	for _, f := range []string{"ca.crt", "server.crt", "server.key"} {
		text, err := os.ReadFile(b.path(f))
		if err == nil {
			err = os.WriteFile(a.path(f), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the new files count", func() bool {
		return redisCLI(t, append(b.client("client", n.Port), "PING")...) == "PONG"
	})
	if got := redisCLI(t, append(a.client("client", n.Port), "PING")...); got == "PONG" {
		t.Error("a certificate of the authority before is taken")
	}
	if now, err := open.ClientID(t.Context()).Result(); err != nil || now != id {
		t.Errorf("the open connection: %d, %v; it was %d", now, err, id)
	}
	// SIGHUP and CONFIG SET read them as well, and refuse what cannot be used.
	if got := redisCLI(t, append(b.client("client", n.Port), "CONFIG", "SET", "tls-key-file", b.path("client.key"))...); !strings.Contains(got, "Unable to update TLS configuration") {
		t.Errorf("a key that is another's: %s", got)
	}
	if got := redisCLI(t, append(b.client("client", n.Port), "CONFIG", "GET", "tls-key-file")...); !strings.Contains(got, a.path("server.key")) {
		t.Errorf("and then tls-key-file is %s", got)
	}
}

// TestTLSExpiry: INFO tells when certificates end, and the log warns before.
func TestTLSExpiry(t *testing.T) {
	a := newPair(t)
	a.sign("server", "server", time.Now().Add(10*24*time.Hour+time.Hour))
	n := startTLS(t, a)
	if got := redisCLI(t, append(a.client("client", n.Port), "INFO", "TLS")...); !strings.Contains(got, "tls_server_cert_expires_in_seconds:86") || !strings.Contains(got, "tls_ca_cert_expire_time:") {
		t.Error(got)
	}
	await(t, "the log warns", func() bool { return strings.Contains(n.Log(), "expires in 10 days") })
}

// tlsClient is a go-redis client with a certificate.
func tlsClient(t *testing.T, a *authority, cert string, port int) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strconv.Itoa(port), TLSConfig: a.config(cert)})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// config is how a client with a certificate speaks TLS.
func (a *authority) config(cert string) *tls.Config {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.path(cert+".crt"), a.path(cert+".key"))
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: "server"}
}

// startTLSCluster starts three nodes that speak TLS with one another and with clients; with
// none without it. Node i has more[i] besides.
func startTLSCluster(t *testing.T, a *authority, more map[int][]string) []*harness.Node {
	t.Helper()
	nodes := prepareTLSCluster(t, a, more)
	for _, n := range nodes {
		must(t, n.Start())
	}
	return nodes
}

// prepareTLSCluster is startTLSCluster without the start.
func prepareTLSCluster(t *testing.T, a *authority, more map[int][]string) []*harness.Node {
	t.Helper()
	var nodes []*harness.Node
	var peers []string
	for i := range 3 {
		n := prepareNode(t, binary())
		nodes = append(nodes, n)
		peers = append(peers, strconv.Itoa(i+1)+"@"+n.Addr())
	}
	for i, n := range nodes {
		n.Args = append([]string{"--port", "0", "--tls-port", strconv.Itoa(n.Port), "--tls-cluster", "yes", "--node-id", strconv.Itoa(i + 1),
			"--peers", strings.Join(peers, ","), "--cluster-secret", "s"}, append(a.node("server"), more[i]...)...)
	}
	return nodes
}

// TestTLSCluster: nodes that speak nothing but TLS elect, replicate and fail over under
// go-redis, and what was acknowledged is there afterwards.
func TestTLSCluster(t *testing.T) {
	a := newPair(t)
	nodes := startTLSCluster(t, a, nil)
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr())
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, TLSConfig: a.config("client"), MaxRetryBackoff: 20 * time.Millisecond})
	defer c.Close()
	set := func(i int) bool { return c.Set(t.Context(), "k"+strconv.Itoa(i), i, 0).Err() == nil }
	await(t, "write", func() bool { return set(0) })
	acked := []int{0}
	for i := 1; i < 200; i++ {
		if i == 100 {
			leader := leaderByTLS(t, a, nodes)
			if err := leader.Kill(); err != nil {
				t.Fatal(err)
			}
			await(t, "write after the failover", func() bool { c.ReloadState(t.Context()); return set(1000) })
		}
		if set(i) {
			acked = append(acked, i)
		}
	}
	for _, i := range acked {
		if got, err := c.Get(t.Context(), "k"+strconv.Itoa(i)).Int(); err != nil || got != i {
			t.Errorf("k%d is %d, %v", i, got, err)
		}
	}
	if len(acked) < 110 {
		t.Errorf("only %d of 200 writes were acknowledged", len(acked))
	}
}

// leaderByTLS is the node that says that it leads.
func leaderByTLS(t *testing.T, a *authority, nodes []*harness.Node) (leader *harness.Node) {
	t.Helper()
	await(t, "leader", func() bool {
		for _, n := range nodes {
			if strings.HasPrefix(redisCLI(t, append(a.client("client", n.Port), "ROLE")...), "master") {
				leader = n
				return true
			}
		}
		return false
	})
	return leader
}

// TestTLSClusterMix: a node that speaks no TLS with the others, or shows them a certificate
// of another authority, is none of them, and both ends say why.
func TestTLSClusterMix(t *testing.T) {
	a, b := newPair(t), newPair(t)
	for what, mix := range map[string]struct {
		args         []string
		others, says string
	}{
		"no TLS":               {[]string{"--tls-port", "0", "--tls-cluster", "no", "--port"}, "closes the connection where TLS begins", "closes the connection at the first word, as where nodes speak TLS"},
		"of another authority": {append(b.node("server"), "--tls-ca-cert-file", a.path("ca.crt"), "--port", "0"), "signed by unknown authority", "unknown certificate authority"},
	} {
		t.Run(what, func(t *testing.T) {
			third := map[int][]string{2: mix.args}
			if mix.args[len(mix.args)-1] == "--port" {
				third = nil
			}
			nodes := startTLSCluster(t, a, third)
			if third == nil {
				n := nodes[2]
				if err := n.Kill(); err != nil {
					t.Fatal(err)
				}
				n.Args = append(n.Args, append(mix.args, strconv.Itoa(n.Port))...)
				if err := n.Start(); err != nil {
					t.Fatal(err)
				}
			}
			await(t, "line at the others", func() bool { return strings.Contains(nodes[0].Log(), mix.others) })
			await(t, "line at the one", func() bool { return strings.Contains(nodes[2].Log(), mix.says) })
		})
	}
}

// TestTLSDocs runs docs/tls.md's first three pieces: certificates, a server, a client.
func TestTLSDocs(t *testing.T) {
	for _, tool := range []string{"openssl", "bash", "redis-cli"} {
		need(t, tool)
	}
	text, err := os.ReadFile("../docs/tls.md")
	if err != nil {
		t.Fatal(err)
	}
	pieces := strings.Split(string(text), "```\n")
	if len(pieces) < 6 {
		t.Fatalf("%d pieces", len(pieces))
	}
	n, dir := prepareNode(t, binary()), t.TempDir()
	port := strconv.Itoa(n.Port)
	run := func(script string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	made := run(pieces[1])
	words := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(pieces[3], "$PWD", dir), "6379", port))
	if words[0] != "regent" {
		t.Fatalf("the second piece is %q", words)
	}
	n.Args = words[1:]
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "PONG for "+pieces[5]+" after "+made, func() bool {
		return run(strings.Replace(strings.TrimSpace(pieces[5]), "redis-cli", "redis-cli -p "+port, 1)) == "PONG"
	})
}

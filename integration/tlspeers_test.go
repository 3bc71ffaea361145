package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/integration/harness"
	"regent/resp"
)

// A stranger says that it is node 2 of a TLS cluster, at one port of node 1.
type stranger struct {
	port   int
	tls    *tls.Config // nil: it speaks none
	secret string
	want   string // in the error
}

func (s *stranger) enters(t *testing.T, kind string) error {
	d := peer.Dialer{Secrets: peer.NewSecrets(s.secret), Limit: 10 * time.Second}
	if s.tls != nil {
		d.TLS = func() *tls.Config { return s.tls }
	}
	conn, err := d.Dial(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), peer.Hello{Cluster: peer.Unknown, From: 2, To: 1, Kind: kind, Process: peer.NewProcess()})
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// usage writes name.crt and name.key of a certificate for one usage alone.
func (a *authority) usage(name string, usage x509.ExtKeyUsage) {
	key := newKey(a.t)
	der, err := x509.MarshalECPrivateKey(key)
	must(a.t, err)
	a.write(name+".key", "EC PRIVATE KEY", der)
	a.write(name+".crt", "CERTIFICATE", a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage}}, a.cert, key).Raw)
}

// TestPeersByTLSAttacked: a node of a TLS cluster, where clients need no certificate, at each
// of its ports: whoever lacks a certificate that counts, TLS or the secret opens no channel of
// any kind in the name of another node, and those that are there go on.
func TestPeersByTLSAttacked(t *testing.T) {
	a, other := newPair(t), newPair(t)
	ports, err := harness.FreePorts(5)
	must(t, err)
	p := func(i int) string { return strconv.Itoa(ports[i]) }
	nodes := prepareTLSCluster(t, a, map[int][]string{0: {"--port", p(0), "--plain-port", p(1), "--tls-plain-port", p(2), "--sentinel-port", p(3), "--tls-sentinel-port", p(4)}})
	for _, n := range nodes {
		n.Args = append(n.Args, "--tls-auth-clients", "no", "--tls-protocols", "TLSv1.2 TLSv1.3")
		must(t, n.Start())
	}
	leader := leaderByTLS(t, a, nodes)
	epoch := func() string {
		for line := range strings.Lines(redisCLI(t, append(a.client("client", leader.Port), "CLUSTER", "INFO")...)) {
			if is, of := strings.CutPrefix(line, "cluster_current_epoch:"); of {
				return strings.TrimSpace(is)
			}
		}
		return ""
	}
	before := epoch()
	a.sign("old", "old", time.Now().Add(-time.Hour))
	a.usage("server alone", x509.ExtKeyUsageServerAuth)
	shows := func(as *authority, name string) *tls.Config {
		c := &tls.Config{InsecureSkipVerify: true}
		if name != "" {
			c.Certificates = as.config(name).Certificates
		}
		return c
	}
	weak := shows(a, "client")
	weak.MinVersion, weak.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	const noNode = "the certificate is none of a node's"
	at := nodes[0].Port
	for what, s := range map[string]stranger{
		"no certificate":                 {at, shows(nil, ""), "s", noNode},
		"of another authority":           {at, shows(other, "client"), "s", noNode},
		"expired":                        {at, shows(a, "old"), "s", noNode},
		"a certificate for servers":      {at, shows(a, "server alone"), "s", noNode},
		"TLS 1.1":                        {at, weak, "s", "protocol version"},
		"no TLS":                         {at, nil, "s", "as where nodes speak TLS"},
		"at port":                        {ports[0], nil, "s", "nodes speak TLS here"},
		"at plain-port":                  {ports[1], nil, "s", ""},
		"at tls-plain-port":              {ports[2], shows(nil, ""), "s", ""},
		"at sentinel-port":               {ports[3], nil, "s", ""},
		"at tls-sentinel-port":           {ports[4], shows(nil, ""), "s", ""},
		"a client's, without the secret": {at, shows(a, "client"), "", "does not know the cluster's secret"},
		"a client's, another secret":     {at, shows(a, "client"), "S", "does not know the cluster's secret"},
		"a node's, without the secret":   {at, shows(a, "server"), "", "does not know the cluster's secret"},
	} {
		for _, kind := range []string{peer.Control, peer.Stream, peer.Copying, peer.Messages, peer.Tunnel, peer.Probe} {
			if err := s.enters(t, kind); err == nil || !strings.Contains(err.Error(), s.want) {
				t.Errorf("%s, %s: %v", what, kind, err)
			}
		}
	}
	if err := (&stranger{port: at, tls: shows(a, "server"), secret: "s"}).enters(t, peer.Probe); err != nil {
		t.Errorf("with both it is not let in: %v", err)
	}
	if got := redisCLI(t, append(a.client("client", leader.Port), "SET", "k", "v")...); got != "OK" {
		t.Errorf("afterwards: %s", got)
	}
	if after := epoch(); before == "" || after != before {
		t.Errorf("the epoch was %q and is %q", before, after)
	}
}

// TestTheLineIsPlayedAgain: somebody on the line between nodes that speak TLS keeps all that
// passes, and says it again to the same node.
func TestTheLineIsPlayedAgain(t *testing.T) {
	a := newPair(t)
	nodes := startTLSCluster(t, a, nil)
	leader := leaderByTLS(t, a, nodes)
	said := make(chan []byte, 8)
	own := &tls.Config{InsecureSkipVerify: true, Certificates: a.config("server").Certificates}
	d := peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: 10 * time.Second, TLS: func() *tls.Config { return own }}
	d.Net = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &keeper{Conn: c, said: said}, err
	}
	to := int64(1)
	for i, n := range nodes {
		if n == leader {
			to = int64(i + 1)
		}
	}
	conn, err := d.Dial(t.Context(), leader.Addr(), peer.Hello{Cluster: peer.Unknown, From: to%3 + 1, To: to, Kind: peer.Probe, Process: peer.NewProcess()})
	must(t, err)
	_ = conn.Close()
	close(said)
	again, err := net.Dial("tcp", leader.Addr())
	must(t, err)
	defer again.Close()
	for b := range said {
		if _, err := again.Write(b); err != nil {
			break
		}
	}
	_ = again.SetReadDeadline(time.Now().Add(time.Minute))
	for b := make([]byte, 4096); ; {
		n, err := again.Read(b)
		if err != nil {
			if ne, slow := err.(net.Error); slow && ne.Timeout() {
				t.Error("the node waits for more of it")
			}
			break
		}
		// A server's hello and flight may come: the other half of the keys is missing.
		if strings.Contains(string(b[:n]), "WELCOME") || strings.Contains(string(b[:n]), "CHALLENGE") {
			t.Errorf("it hears %q", b[:n])
		}
	}
}

// A keeper keeps what is written to a connection.
type keeper struct {
	net.Conn
	said chan []byte
}

func (k *keeper) Write(b []byte) (int, error) {
	select {
	case k.said <- append([]byte(nil), b...):
	default:
	}
	return k.Conn.Write(b)
}

// TestTLSSettingsAtEachFace: a key with a password, authorities from a folder, protocols,
// ciphers and suites count at each port, among nodes and by HTTP: a client that has what is
// asked for is served at each of them, and one that lacks any of it at none.
func TestTLSSettingsAtEachFace(t *testing.T) {
	const password, suite, other = "hush", "ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	for what, c := range map[string]struct {
		flags          []string
		served         uint16 // the only version that is
		suites, denied []uint16
	}{
		"TLS 1.2, one cipher": {[]string{"--tls-protocols", "TLSv1.2", "--tls-ciphers", suite}, tls.VersionTLS12,
			[]uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, []uint16{other}},
		"TLS 1.3, one suite": {[]string{"--tls-protocols", "TLSv1.3", "--tls-ciphersuites", tls.CipherSuiteName(agreed(t))}, tls.VersionTLS13, nil, nil},
	} {
		t.Run(what, func(t *testing.T) {
			a, strange := newPair(t), newPair(t)
			locked := a.path("locked.key")
			out, err := exec.Command(need(t, "openssl"), "pkcs8", "-topk8", "-v2", "aes256", "-in", a.path("server.key"), "-out", locked, "-passout", "pass:"+password).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			folder := t.TempDir()
			must(t, os.WriteFile(filepath.Join(folder, "some.0"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600))
			ports, err := harness.FreePorts(9)
			must(t, err)
			more := map[int][]string{}
			for i := range 3 {
				more[i] = append([]string{"--tls-plain-port", strconv.Itoa(ports[3*i]), "--tls-sentinel-port", strconv.Itoa(ports[3*i+1]), "--http-port", strconv.Itoa(ports[3*i+2]), "--tls-http", "yes",
					"--tls-key-file", locked, "--tls-key-file-pass", password, "--tls-ca-cert-file", "", "--tls-ca-cert-dir", folder}, c.flags...)
			}
			nodes := startTLSCluster(t, a, more)
			asked := func(as *authority, version uint16, suites []uint16) *tls.Config {
				conf := as.config("client")
				conf.RootCAs = a.config("client").RootCAs
				conf.MinVersion, conf.MaxVersion, conf.CipherSuites = version, version, suites
				return conf
			}
			right := asked(a, c.served, c.suites)
			await(t, "leader, by a client with the right settings", func() bool {
				for _, n := range nodes {
					if got, _ := speak(n.Port, right, "ROLE"); strings.Contains(got, "master") {
						return true
					}
				}
				return false
			})
			faces := map[string]int{"tls-port": nodes[1].Port, "tls-plain-port": ports[3], "tls-sentinel-port": ports[4], "http-port": ports[5]}
			for face, port := range faces {
				say := func(conf *tls.Config) (string, error) {
					if face == "http-port" {
						return fetch(port, conf)
					}
					return speak(port, conf, "PING")
				}
				if got, err := say(right); err != nil {
					t.Errorf("%s: %q, %v", face, got, err)
				}
				wrong := map[string]*tls.Config{
					"another version": asked(a, tls.VersionTLS12+tls.VersionTLS13-c.served, nil),
					"TLS 1.1":         asked(a, tls.VersionTLS11, nil),
					"of no authority": asked(strange, c.served, c.suites),
				}
				if c.denied != nil {
					wrong["another cipher"] = asked(a, c.served, c.denied)
				}
				for how, conf := range wrong {
					if got, err := say(conf); err == nil {
						t.Errorf("%s, %s: %q", face, how, got)
					}
					// As a node, with the secret.
					s := stranger{port: nodes[0].Port, tls: conf.Clone(), secret: "s"}
					s.tls.InsecureSkipVerify = true
					if err := s.enters(t, peer.Control); err == nil {
						t.Errorf("as a node, %s: it is let in", how)
					}
				}
			}
		})
	}
}

// agreed is the suite of TLS 1.3 on which crypto/tls agrees with itself on this machine.
func agreed(t *testing.T) uint16 {
	a := newPair(t)
	own, err := tls.LoadX509KeyPair(a.path("server.crt"), a.path("server.key"))
	must(t, err)
	near, far := net.Pipe()
	server, client := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{own}, SessionTicketsDisabled: true}), tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	go func() { _ = server.Handshake() }()
	must(t, client.Handshake())
	return client.ConnectionState().CipherSuite
}

// speak says one command by TLS and returns the first line of its answer, or the next.
func speak(port int, conf *tls.Config, word string) (string, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), conf)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(resp.AppendCommand(nil, word)); err != nil {
		return "", err
	}
	v, err := resp.NewReader(conn, resp.DefaultLimits()).Read()
	if err != nil {
		return "", err
	}
	if len(v.Elems) > 0 {
		return string(v.Elems[0].Text), nil
	}
	return string(v.Text), nil
}

func fetch(port int, conf *tls.Config) (string, error) {
	c := http.Client{Transport: &http.Transport{TLSClientConfig: conf.Clone(), DisableKeepAlives: true}, Timeout: 20 * time.Second}
	got, err := c.Get("https://127.0.0.1:" + strconv.Itoa(port) + "/health")
	if err != nil {
		return "", err
	}
	return got.Status, got.Body.Close()
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"regent/integration/harness"
)

// What TLS costs, and what users with many patterns do. Both servers get the same
// certificate; what is spoken is TLS 1.3 with one suite and one group, X25519, whatever
// the libraries prefer: redis-benchmark is told that by opensslConf.
//
// redis-benchmark knows the certificate. With --insecure in place of that OpenSSL looks for the
// signer, and lists /etc/ssl/certs twice in each handshake: a third of the client's time, which
// was the limit of both servers then.

const (
	tlsClients = 50
	tlsSuite   = "TLS_AES_128_GCM_SHA256"
	tlsCert    = "bench.crt" // the certificate's file
	// opensslConf has what uses OpenSSL offer one group.
	opensslConf = "openssl_conf = c\n[c]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nGroups = X25519\n"
	// aclPatterns are those of the user; the last of them is the one that lets it in.
	aclPatterns = 50
	aclUser     = "bench"
	aclPassword = "bench"
)

// A served server is one with its port for TLS.
type served struct {
	*harness.Node
	tls *harness.Node // the same process, as clients by TLS see it
}

// tlsServers starts Regent and redis-server, with one thread for its clients and with two.
func tlsServers(ctx context.Context, o options, dir string) (servers []served, err error) {
	pair, err := selfSigned(dir)
	if err != nil {
		return nil, err
	}
	ports, err := harness.FreePorts(6)
	if err != nil {
		return nil, err
	}
	for i := range 3 {
		port, secure := ports[2*i], ports[2*i+1]
		args := append(append(persistence("off"), pair...), "--tls-port", strconv.Itoa(secure), "--tls-auth-clients", "no", "--tls-ciphersuites", tlsSuite)
		n := regentNode(o, port, dir, args...)
		switch i {
		case 1:
			n = redisNode(o, port, dir, append([]string{"--io-threads", "1"}, args...)...)
		case 2:
			n = redisNode(o, port, dir, append([]string{"--io-threads", "2", "--io-threads-do-reads", "yes"}, args...)...)
		}
		servers = append(servers, served{n, &harness.Node{Port: secure}})
		if err := start(ctx, n); err != nil {
			return servers, err
		}
	}
	return servers, nil
}

// selfSigned writes a certificate for an ECDSA key on P-256, and is the servers' flags for it.
func selfSigned(dir string) (flags []string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	is := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, is, is, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("spell the key: %w", err)
	}
	for _, f := range []struct {
		flag, name, kind string
		der              []byte
	}{{"--tls-cert-file", tlsCert, "CERTIFICATE", cert}, {"--tls-key-file", "bench.key", "EC PRIVATE KEY", secret}, {"--tls-ca-cert-file", tlsCert, "CERTIFICATE", cert}} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), 0o600); err != nil {
			return nil, fmt.Errorf("write the certificate: %w", err)
		}
		flags = append(flags, f.flag, path)
	}
	return flags, nil
}

// secureSection measures TLS, and users.
func secureSection(ctx context.Context, o options, r *report) error {
	dir, err := os.MkdirTemp("", "regent-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	conf := filepath.Join(dir, "openssl.cnf")
	if err := os.WriteFile(conf, []byte(opensslConf), 0o600); err != nil {
		return fmt.Errorf("write OpenSSL's configuration: %w", err)
	}
	servers, err := tlsServers(ctx, o, dir)
	defer func() {
		for _, s := range servers {
			stop(s.Node)
		}
	}()
	if err != nil {
		return err
	}
	// Before the servers have grown by anything else.
	if err := idleByTLS(ctx, o, servers, r); err != nil {
		return err
	}
	for _, s := range servers {
		if err := prefill(ctx, s.Node, cell{family: familyNamed("get"), size: valueBytes}, filled{}); err != nil {
			return err
		}
		c := s.Client()
		defer c.Close()
		if err := c.Do(ctx, aclRules()...).Err(); err != nil {
			return fmt.Errorf("make a user: %w", err)
		}
	}
	if err := tlsThroughput(ctx, o, servers, dir, conf, r); err != nil {
		return err
	}
	return aclThroughput(ctx, o, servers, r)
}

func aclRules() []any {
	rules := []any{"ACL", "SETUSER", aclUser, "on", ">" + aclPassword, "+@all"}
	for i := range aclPatterns - 1 {
		rules = append(rules, fmt.Sprintf("~none:%d:*", i))
	}
	return append(rules, "~key:*")
}

// leastByTLS is how many requests a slice by TLS has at least at P=1, and leastByTLSDeep with a
// pipeline: its handshakes take as long as some thousands of them.
const leastByTLS, leastByTLSDeep = 50_000, 200_000

// leastShakes is how many new connections a slice has at least: in 500 of them, half a second, a
// server that puts more threads to work does not come to it.
const leastShakes = 1500

// A line is what redis-benchmark sends in one row.
type line struct {
	name  string
	depth int
	args  []string
	least int // requests of a slice at least, so that connecting is little of it
	env   []string
}

// at is the line as a contestant, at a port of a server.
func (l line) at(ctx context.Context, s served, port int) contestant {
	return func(requests int) (sample, error) {
		got, err := benchmarkAt(ctx, s.Node, port, requests, l.args, nil, l.env...)
		if err != nil {
			return got, fmt.Errorf("%s: %w", l.name, err)
		}
		return got, nil
	}
}

// compare is how servers are compared in the line.
func (l line) compare(o options) comparison {
	how := o.plan.compare(tlsClients, l.depth)
	how.least = max(how.least, l.least)
	return how
}

// tlsThroughput compares requests and new connections; dir has the certificate, conf is OpenSSL's
// configuration for the clients.
func tlsThroughput(ctx context.Context, o options, servers []served, dir, conf string, r *report) error {
	secure := []string{"--tls", "--cacert", filepath.Join(dir, tlsCert), "--tls-ciphersuites", tlsSuite, "-c", strconv.Itoa(tlsClients)}
	env := []string{"OPENSSL_CONF=" + conf}
	value := strings.Repeat("x", valueBytes)
	var lines []line
	for _, depth := range []int{1, 16} {
		args := append(secure[:len(secure):len(secure)], "-P", strconv.Itoa(depth), "-r", strconv.Itoa(mostKeys))
		least := leastByTLS
		if depth > 1 {
			least = leastByTLSDeep
		}
		lines = append(lines, line{"GET", depth, append(args[:len(args):len(args)], "GET", randomKey), least, env},
			line{"SET", depth, append(args[:len(args):len(args)], "SET", randomKey, value), least, env})
	}
	lines = append(lines, line{"new connection, PING", 1, append(secure[:len(secure):len(secure)], "-k", "0", "PING"), leastShakes, env})
	r.begin(fmt.Sprintf("TLS 1.3 with %s, X25519, ECDSA on P-256, %d clients, %d bytes", tlsSuite, tlsClients, valueBytes),
		append([]string{"command", "P"}, comparedHead()...))
	for _, l := range lines {
		var at []contestant
		for _, s := range servers {
			at = append(at, l.at(ctx, s, s.tls.Port))
		}
		a, b, err := l.compare(o).reference(ctx, at[0], at[1], at[2])
		if err != nil {
			return err
		}
		r.row(append([]string{l.name, strconv.Itoa(l.depth)}, compared(a, b)...)...)
	}
	return nil
}

// aclThroughput compares a user with many patterns with the default user, and both servers.
func aclThroughput(ctx context.Context, o options, servers []served, r *report) error {
	const depth = 16
	args := []string{"-c", strconv.Itoa(tlsClients), "-P", strconv.Itoa(depth), "-r", strconv.Itoa(mostKeys)}
	user := line{"user", depth, append(args[:len(args):len(args)], "--user", aclUser, "-a", aclPassword, "GET", randomKey), 0, nil}
	anybody := line{"default", depth, append(args[:len(args):len(args)], "GET", randomKey), 0, nil}
	on := func(l line, i int) contestant { return l.at(ctx, servers[i], servers[i].Port) }
	settings, err := user.compare(o).run(ctx, on(user, 1), on(user, 2))
	if err != nil {
		return err
	}
	redis := 1 + better(settings[0], settings[1])
	// Those that are compared are adjacent, but for the first and the last.
	all, err := user.compare(o).run(ctx, on(anybody, 0), on(user, 0), on(user, redis), on(anybody, redis))
	if err != nil {
		return err
	}
	ratio := func(a, b int) string { return ratios(all[a], all[b], throughputOf).String() }
	base, ours, theirs, theirBase := summary(all[0]), summary(all[1]), summary(all[2]), summary(all[3])
	r.begin(fmt.Sprintf("GET, P=%d, by a user with %d key patterns, of which the last lets it in", depth, aclPatterns), []string{"server", "user/s", "default/s", "ratio"})
	r.row("regent", fmt.Sprintf("%.0f", ours.rps), fmt.Sprintf("%.0f", base.rps), ratio(1, 0))
	r.row("redis", fmt.Sprintf("%.0f", theirs.rps), fmt.Sprintf("%.0f", theirBase.rps), ratio(2, 3))
	r.row("regent to redis", ratio(1, 2), ratio(0, 3), "")
	return nil
}

// idleByTLS measures the resident bytes per connection by TLS that says nothing after its
// first PING.
func idleByTLS(ctx context.Context, o options, servers []served, r *report) error {
	var per [2]float64
	for i, s := range servers[:2] {
		var err error
		per[i], err = idleBytes(s.Node, o.plan.idle, func() ([]net.Conn, error) {
			return connectBy(s.tls, o.plan.idle, func(addr string) (net.Conn, error) {
				return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}, MinVersion: tls.VersionTLS13})
			})
		})
		if err != nil {
			return err
		}
	}
	r.idle("Memory, %d idle connections by TLS", o.plan.idle, per)
	return ctx.Err()
}

// Package certs keeps a node's certificates current: it reads them as the tls-* directives
// say, looks whether the files have changed, and tells when they end. How they are read and
// what follows for crypto/tls is package secure's.
//
// What holds: a connection keeps the certificates that it began with; a change of files is
// for those that begin afterwards. Files that cannot be used change nothing, and the log
// says why.
package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/node/machine"
	"regent/resp/secure"
)

// lookEvery is how often files are looked at, for a change and for their end.
const lookEvery = time.Second

// A Keeper holds a node's certificates. A nil one belongs to a node that speaks no TLS.
type Keeper struct {
	cfg    *config.Config
	host   engine.Host
	store  *secure.Store
	looked int64 // Host.Mono; Tick's own
}

// New reads the certificates; nil: nothing is done by TLS.
func New(cfg *config.Config, host engine.Host) (*Keeper, error) {
	if !cfg.SpeaksTLS() {
		return nil, nil
	}
	store, err := secure.NewStore(settings(cfg, host))
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	k := &Keeper{cfg: cfg, host: host, store: store, looked: math.MinInt64 / 2}
	return k, nil
}

// settings are what the directives say.
func settings(cfg *config.Config, host engine.Host) secure.Settings {
	in := func(s *config.Str) string { return machine.InDir(cfg, s.Get()) }
	s := secure.Settings{
		CertFile: in(&cfg.TLSCertFile), KeyFile: in(&cfg.TLSKeyFile), KeyPass: cfg.TLSKeyPass.Get(),
		ClientCertFile: in(&cfg.TLSClientCertFile), ClientKeyFile: in(&cfg.TLSClientKeyFile), ClientKeyPass: cfg.TLSClientKeyPass.Get(),
		CAFile: in(&cfg.TLSCAFile), CADir: in(&cfg.TLSCADir), Mutual: cfg.TLSPeers(),
		Protocols: cfg.TLSProtocols.Get(), Ciphers: cfg.TLSCiphers.Get(), Suites: cfg.TLSSuites.Get(),
		Tickets: cfg.TLSSessions.Get(), TicketSeconds: cfg.TLSSessionSeconds.Get(),
		Now: func() time.Time { return time.UnixMilli(host.Now()) },
	}
	s.Auth = map[int64]int{config.TLSAuthNo: secure.AuthNo, config.TLSAuthYes: secure.AuthYes, config.TLSAuthOptional: secure.AuthOptional}[cfg.TLSAuthClients.Get()]
	return s
}

// Server is the configuration for connections that come; nil: none come by TLS.
func (k *Keeper) Server() *tls.Config {
	if k == nil {
		return nil
	}
	return k.store.State().Server()
}

// Peers is how this node speaks to its peers; nil for both: without TLS.
func (k *Keeper) Peers() (dial func() *tls.Config, verified func(tls.ConnectionState) error) {
	if k == nil || !k.cfg.TLSPeers() {
		return nil, nil
	}
	return func() *tls.Config { return k.store.State().Client() },
		func(cs tls.ConnectionState) error { return k.store.State().Verified(cs) }
}

// Others is how this node speaks to servers that are none of its peers (MIGRATE); nil:
// without TLS. As in Redis tls-cluster says so.
func (k *Keeper) Others() func() *tls.Config {
	if k == nil || !k.cfg.TLSCluster.Get() {
		return nil
	}
	return func() *tls.Config { return k.store.State().Client() }
}

// Reload reads the files as the directives say now. An error leaves what was.
func (k *Keeper) Reload(why string) error {
	if k == nil {
		return nil
	}
	if err := k.store.Use(settings(k.cfg, k.host)); err != nil {
		k.host.Logf(engine.LevelWarning, "TLS: the certificates stay as they were (%s): %v", why, err)
		//lint:ignore ST1005 redis-server's text
		return errors.New("Unable to update TLS configuration. Check server logs.")
	}
	k.host.Logf(engine.LevelNotice, "TLS: the certificates were read anew (%s); %s", why, k.until())
	return nil
}

// Tick looks at the files, now and then.
func (k *Keeper) Tick() {
	if k == nil {
		return
	}
	if now := k.host.Mono(); now-k.looked < int64(lookEvery) {
		return
	} else {
		k.looked = now
	}
	switch changed, err := k.store.Look(); {
	case err != nil:
		k.host.Logf(engine.LevelWarning, "TLS: files have changed and cannot be used, the certificates stay as they were: %v", err)
	case changed:
		k.host.Logf(engine.LevelNotice, "TLS: files have changed, the certificates were read anew; %s", k.until())
	}
	for _, e := range k.store.Warnings(time.UnixMilli(k.host.Now())) {
		left := e.Until.Sub(time.UnixMilli(k.host.Now()))
		if left <= 0 {
			k.host.Logf(engine.LevelWarning, "TLS: the %s certificate %s (%s) has expired, on %s", e.What, e.File, e.Name, date(e.Until))
			continue
		}
		k.host.Logf(engine.LevelWarning, "TLS: the %s certificate %s (%s) expires in %d days, on %s", e.What, e.File, e.Name, left/(24*time.Hour), date(e.Until))
	}
}

// until says when the first certificate ends.
func (k *Keeper) until() string {
	e := k.store.State().Expires()[0]
	return fmt.Sprintf("the first to expire is %s, on %s", e.File, date(e.Until))
}

func date(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04:05 UTC") }

// Info is INFO's section about certificates: of each kind the one that ends first.
func (k *Keeper) Info(w *engine.InfoWriter) {
	if k == nil {
		return
	}
	seen := map[string]bool{}
	now := k.host.Now() / 1000
	for _, e := range k.store.State().Expires() {
		if seen[e.What] {
			continue
		}
		seen[e.What] = true
		w.Int("tls_"+e.What+"_cert_expire_time", e.Until.Unix())
		w.Int("tls_"+e.What+"_cert_expires_in_seconds", e.Until.Unix()-now)
	}
}

package status

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"regent/engine"
)

// Limits. A request is a line and some fields, its reply some kilobytes.
const (
	maxConns     = 64                     // connections at a time
	maxHead      = 4 << 10                // bytes of a request's head; net/http adds 4096 of its own
	headTimeout  = 5 * time.Second        // for a handshake of TLS, and for a request's head
	readTimeout  = 5 * time.Second        // for a whole request
	writeTimeout = 10 * time.Second       // from the end of the head to that of the reply
	idleTimeout  = 60 * time.Second       // between two requests
	endTimeout   = 100 * time.Millisecond // for replies that are under way when the node ends
	freshFor     = time.Second            // how old /metrics may be
)

// Files is how many descriptors it takes at most, beside those that it listens at.
const Files = maxConns

// Options are what a Server is told of its node.
type Options struct {
	Host    engine.Host
	Cluster engine.Cluster
	Engine  Engine
	// Serving reports whether the data is loaded, the others are joined, and the node is not about
	// to end.
	Serving func() bool
	// Committed is the offset up to which the log can no longer be lost; false: there is no log.
	Committed func() (off int64, ok bool)
	// Leaderships is how often this node has begun to lead.
	Leaderships func() int64
	// TLS is the configuration for connections that begin now; nil: without TLS.
	TLS     func() *tls.Config
	Version string
}

// An Engine is what is asked of the database.
type Engine interface {
	// Info is INFO's text for some sections.
	Info(sections ...string) []byte
	// Loading reports whether commands on data are answered -LOADING.
	Loading() bool
}

// A Server answers.
type Server struct {
	o       Options
	http    http.Server
	door    door
	metrics *metrics
}

// New makes a Server, which answers once Serve is called.
func New(o Options) *Server {
	s := &Server{o: o, metrics: newMetrics(o)}
	s.http = http.Server{
		Handler: http.HandlerFunc(s.answer), MaxHeaderBytes: maxHead,
		ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		DisableGeneralOptionsHandler: true, ConnState: s.door.state,
		ErrorLog: log.New(errorLog{o.Host}, "", 0),
	}
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true)
	return s
}

// Serve answers at l until Close.
func (s *Server) Serve(l net.Listener) error {
	l = s.door.at(l)
	if s.o.TLS != nil {
		l = tls.NewListener(l, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.o.TLS(), nil }})
	}
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return net.ErrClosed
}

// Close closes the listeners, and the connections once their replies are sent, or endTimeout is over.
func (s *Server) Close() {
	ctx, stop := context.WithTimeout(context.Background(), endTimeout)
	defer stop()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

// An errorLog takes net/http's lines. What strangers send is logged at level debug.
type errorLog struct{ host engine.Host }

func (e errorLog) Write(line []byte) (int, error) {
	level := engine.LevelDebug
	if strings.HasPrefix(string(line), "http: panic") {
		level = engine.LevelWarning
	}
	e.host.Logf(level, "HTTP: %s", strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// answer serves one request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
		return
	case r.ContentLength != 0:
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	switch r.URL.Path {
	case "/leader":
		s.tell(w, (*Server).leads)
	case "/replica":
		s.tell(w, (*Server).follows)
	case "/health":
		s.tell(w, (*Server).serves)
	case "/metrics":
		s.metrics.serve(w)
	default:
		refuse(w, http.StatusNotFound)
	}
}

// refuse ends the connection too: a client that asks for what there is not will not ask again.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(status), status)
}

// tell answers a question by its status, and says what the node is.
func (s *Server) tell(w http.ResponseWriter, holds func(*Server, *engine.View) bool) {
	v, status := s.o.Cluster.View(), http.StatusOK
	if !holds(s, v) {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, s.text(v))
}

// text is what the node is, in lines.
func (s *Server) text(v *engine.View) string {
	role, leader := "follower", v.Leader
	switch {
	case !s.serves(v):
		role = "not serving"
	case s.leads(v):
		role = "leader"
	case v.Witness:
		role = "witness"
	case v.Leading: // another may lead by now
		role, leader = "leader without a lease", ""
	}
	if leader == "" {
		leader = "unknown"
	}
	return fmt.Sprintf("role: %s\nleader: %s\nnode: %d\nepoch: %d\n", role, leader, v.NodeID, v.Epoch)
}

// serves reports whether the node answers anything but -LOADING.
func (s *Server) serves(*engine.View) bool { return s.o.Serving() && !s.o.Engine.Loading() }

// leads reports whether it leads, and commands would be carried out now.
func (s *Server) leads(v *engine.View) bool {
	return s.serves(v) && v.Leading && !v.Witness && !s.o.Cluster.MustHold() && !s.o.Cluster.LeaseOver()
}

// follows reports whether it has what the leader has committed, but for what is on its way.
func (s *Server) follows(v *engine.View) bool {
	member := v.Membership == engine.MemberVoter || v.Membership == engine.MemberLearner
	return s.serves(v) && member && !v.Leading && !v.Witness && v.LinkUp && !v.SyncProgress && !v.Unfilled && !s.o.Cluster.LeaderSilent()
}

package status

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"regent/engine"
)

// metrics is what /metrics shows, computed at most once in freshFor.
type metrics struct {
	host     engine.Host
	registry *prometheus.Registry

	mu   sync.Mutex // one computes, others wait for it
	at   int64      // Host.Mono, when text was computed; 0: never
	text []byte
}

func newMetrics(o Options) *metrics {
	m := &metrics{host: o.Host, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(newCollector(o), collectors.NewGoCollector())
	return m
}

func (m *metrics) serve(w http.ResponseWriter) {
	text, err := m.fresh()
	if err != nil {
		m.host.Logf(engine.LevelWarning, "HTTP: metrics: %v", err)
		refuse(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	_, _ = w.Write(text)
}

// fresh is the text; it is not changed any more.
func (m *metrics) fresh() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.host.Mono()
	if m.at != 0 && now-m.at < int64(freshFor) {
		return m.text, nil
	}
	families, err := m.registry.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(len(m.text))
	e := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return nil, err
		}
	}
	m.at, m.text = now, b.Bytes()
	return m.text, nil
}

// A collector reads the figures of one node when they are asked for.
type collector struct {
	o       Options
	figures map[string][]figure // by INFO's name
	each    eachDescs
}

// eachDescs are metrics with a label, and those that INFO does not have.
type eachDescs struct {
	info, leader, leading, lease, commit, leaderships, cpu *prometheus.Desc
	up, offset, lag                                        *prometheus.Desc // of the other nodes
	keys, expires                                          *prometheus.Desc // of databases
	calls, seconds, rejected, failed                       *prometheus.Desc // of commands
	certUntil, certLeft                                    *prometheus.Desc
	waits                                                  *prometheus.Desc
}

func newCollector(o Options) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prefix+name, help, labels, nil)
	}
	c := &collector{o: o, figures: map[string][]figure{}, each: eachDescs{
		info:        d("info", "Which node this is: always 1.", "version", "redis_version", "node"),
		leader:      d("known_leader_info", "The leader that this node knows: always 1.", "node", "address"),
		leading:     d("leading", "1 if this node leads."),
		lease:       d("lease_valid", "1 if this node leads and may serve now: its lease is not over."),
		commit:      d("commit_offset_bytes", "The offset up to which the log can no longer be lost by a failover."),
		leaderships: d("leaderships_total", "How often this node has begun to lead since its start."),
		cpu:         d("cpu_seconds_total", "Processor time that the process has taken.", "mode"),
		up:          d("node_up", "1 if the other node was heard of within the election timeout.", "node"),
		offset:      d("node_offset_bytes", "At a leader, the offset up to which the other node has the log.", "node"),
		lag:         d("node_lag_seconds", "At a leader, the time since the other node's last acknowledgement.", "node"),
		keys:        d("keys", "Keys of a database.", "db"),
		expires:     d("keys_with_expiry", "Keys of a database that expire.", "db"),
		calls:       d("commands_total", "Commands that were carried out.", "command"),
		seconds:     d("commands_seconds_total", "Time that commands have taken to be carried out.", "command"),
		rejected:    d("commands_rejected_total", "Commands that were refused before they were carried out.", "command"),
		failed:      d("commands_failed_total", "Commands that were answered with an error.", "command"),
		certUntil:   d("tls_certificate_expiry_timestamp_seconds", "When the first certificate of its kind ends, in Unix time.", "certificate"),
		waits:       d("commit_wait_seconds", "How long replies have waited until what they rest on was committed: once for all commands of a batch."),
		certLeft:    d("tls_certificate_remaining_seconds", "How long the first certificate of its kind still counts; below 0: it has ended.", "certificate"),
	}}
	for _, f := range figures() {
		f.desc = d(f.name, f.help)
		c.figures[f.from] = append(c.figures[f.from], f)
	}
	return c
}

// prefix is before every name that is not Go's.
const prefix = "regent_"

// Describe is prometheus.Collector's.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, list := range c.figures {
		for _, f := range list {
			to <- f.desc
		}
	}
	e := &c.each
	for _, d := range []*prometheus.Desc{
		e.info, e.leader, e.leading, e.lease, e.commit, e.leaderships, e.cpu, e.up, e.offset, e.lag, e.keys, e.expires,
		e.calls, e.seconds, e.rejected, e.failed, e.certUntil, e.certLeft, e.waits,
	} {
		to <- d
	}
}

// A sink takes metrics.
type sink chan<- prometheus.Metric

func (to sink) gauge(d *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (to sink) counter(d *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

// histogram hands on how often something took how long: n times, sum seconds, and by bounds in µs.
func (to sink) histogram(d *prometheus.Desc, n, sum float64, by map[string]float64) {
	buckets := make(map[float64]uint64, len(by))
	for bound, count := range by {
		buckets[number(bound)/micros] = uint64(count)
	}
	to <- prometheus.MustNewConstHistogram(d, uint64(n), sum, buckets)
}

// Collect is prometheus.Collector's.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	to := sink(ch)
	c.cluster(to)
	text := string(c.o.Engine.Info("server", "clients", "memory", "persistence", "stats", "replication", "cpu", "commandstats", "keyspace", "regent", "tls"))
	redis, seen := "", map[string]bool{}
	var waits, waited float64
	for line := range strings.SplitSeq(text, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || seen[name] { // what changes meanwhile may be told of twice
			continue
		}
		seen[name] = true
		switch name {
		case "redis_version":
			redis = value
		case "commit_waits":
			waits = number(value)
		case "commit_waits_usec":
			waited = number(value) / micros
		case "commit_waits_by_usec":
			to.histogram(c.each.waits, waits, waited, parts(value))
		}
		for _, f := range c.figures[name] {
			f.tell(to, value)
		}
		c.labelled(to, name, value)
	}
	to.gauge(c.each.info, 1, c.o.Version, redis, strconv.FormatInt(c.o.Cluster.View().NodeID, 10))
}

// labelled tells of lines whose name or value has several parts.
func (c *collector) labelled(to sink, name, value string) {
	e := &c.each
	if command, ok := strings.CutPrefix(name, "cmdstat_"); ok {
		n := parts(value)
		to.counter(e.calls, n["calls"], command)
		to.counter(e.seconds, n["usec"]/micros, command)
		to.counter(e.rejected, n["rejected_calls"], command)
		to.counter(e.failed, n["failed_calls"], command)
		return
	}
	if mode, ok := strings.CutPrefix(name, "used_cpu_"); ok {
		if mode = map[string]string{"sys": "system", "user": "user"}[mode]; mode != "" {
			to.counter(e.cpu, number(value), mode)
		}
		return
	}
	if rest, ok := strings.CutPrefix(name, "tls_"); ok {
		if kind, ok := strings.CutSuffix(rest, "_cert_expire_time"); ok {
			to.gauge(e.certUntil, number(value), kind)
		} else if kind, ok := strings.CutSuffix(rest, "_cert_expires_in_seconds"); ok {
			to.gauge(e.certLeft, number(value), kind)
		}
		return
	}
	if db, ok := strings.CutPrefix(name, "db"); ok && strings.HasPrefix(value, "keys=") {
		n := parts(value)
		to.gauge(e.keys, n["keys"], db)
		to.gauge(e.expires, n["expires"], db)
	}
}

// cluster tells of this node among the others.
func (c *collector) cluster(to sink) {
	e, v := &c.each, c.o.Cluster.View()
	leads := v.Leading && !c.o.Cluster.LeaseOver()
	to.gauge(e.leading, flag(leads))
	to.gauge(e.lease, flag(leads && !c.o.Cluster.MustHold()))
	to.counter(e.leaderships, float64(c.o.Leaderships()))
	if off, ok := c.o.Committed(); ok {
		to.gauge(e.commit, float64(off))
	}
	if v.LeaderID != 0 && v.Leader != "" && (leads || !v.Leading) {
		to.gauge(e.leader, 1, strconv.FormatInt(v.LeaderID, 10), v.Leader)
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		if n.Myself {
			continue
		}
		id := strconv.FormatInt(n.ID, 10)
		to.gauge(e.up, flag(n.Up), id)
		if !v.Leading {
			continue
		}
		to.gauge(e.offset, float64(n.Offset), id)
		if n.Lag >= 0 {
			to.gauge(e.lag, float64(n.Lag), id)
		}
	}
}

// parts reads name=number,name=number.
func parts(s string) map[string]float64 {
	out := map[string]float64{}
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		out[name] = number(value)
	}
	return out
}

// number reads what INFO has written.
func number(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

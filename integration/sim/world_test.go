package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/integration/harness"
)

var errEarly = errors.New("the server ended before it served")

// A plan is what a seed makes of a world before anything happens.
type plan struct {
	nodes   int
	clients int
	timeout time.Duration // the election's
	always  bool          // appendfsync
	rates   [8]float64
	conf    string
	witness int           // the node with role witness to begin with; 0: there is none
	history int64         // how much of the log is kept before its base, bytes; 0: as a node has it
	least   time.Duration // of the network's delays
	most    time.Duration
}

func (p *plan) rate(id int) float64 { return p.rates[id%len(p.rates)] }

// A length is an election timeout and what goes with it, in ms.
type length struct{ beat, lease, timeout int }

func drawPlan(rnd *rand.Rand, o options) *plan {
	p := &plan{nodes: 3, clients: 6}
	if rnd.IntN(4) == 0 {
		p.nodes = 5
	}
	if o.nodes != 0 {
		p.nodes = o.nodes
	}
	l := []length{{30, 120, 500}, {100, 400, 1500}, {300, 1200, 3000}, {3000, 12_000, 20_000}, {3000, 12_000, 20_000}}[rnd.IntN(5)]
	if o.length != nil {
		l = *o.length
	}
	p.timeout = time.Duration(l.timeout) * time.Millisecond
	p.least = time.Duration(50+rnd.IntN(200)) * time.Microsecond
	p.most = p.least + time.Duration(rnd.IntN(max(l.lease/8, 1)*1000))*time.Microsecond
	for i := range p.rates {
		p.rates[i] = 0.92 + 0.16*rnd.Float64()
	}
	p.always = rnd.IntN(3) > 0
	fsync := map[bool]string{true: "always", false: "everysec"}[p.always]
	lease := []string{"yes", "yes", "no"}[rnd.IntN(3)]
	p.conf = fmt.Sprintf("heartbeat-interval %d\nleader-lease %d\nelection-timeout %d\nappendfsync %s\nread-lease %s\nhz %d\n"+
		"auto-aof-rewrite-percentage 100\nauto-aof-rewrite-min-size %d\nwrite-timeout %d\nhandover-pause %d",
		l.beat, l.lease, l.timeout, fsync, lease, max(4000/l.timeout, 1), 64<<10, 5*l.timeout, max(l.timeout/4, 300))
	return p
}

// drawWitness draws from numbers of its own, so that worlds without a witness are what they were.
func (p *plan) drawWitness(seed uint64, o options) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	p.history = []int64{0, 64 << 10, 256 << 10}[rnd.IntN(3)]
	some := o.rounds > 0 && rnd.IntN(4) == 0
	if id := 1 + rnd.IntN(p.nodes); some || o.witness {
		p.witness = id
	}
	if o.witness {
		p.history = 64 << 10
	}
}

func (p *plan) String() string {
	text := strings.ReplaceAll(p.conf, "\n", ", ")
	if p.witness != 0 {
		text += fmt.Sprintf(", node %d is a witness", p.witness)
	}
	return text
}

// A world is a cluster, its network, its clients and what happens to them.
type world struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand // of the one goroutine that makes things happen
	opts    options
	plan    *plan
	net     *network
	nodes   []*node
	lastID  int
	dir     string
	ctx     context.Context
	began   time.Time
	running sync.WaitGroup

	mu    sync.Mutex
	story []string
	lost  int // lines of the story that are gone
	errs  []error

	history *harness.History
	appends harness.Appends
	traffic traffic
	spent   bool // in this round a disk has lost what an fsync had not covered, or all
	figures figures
}

// options are what a test asks of a world.
type options struct {
	rounds   int
	nodes    int            // 0: as the seed has it
	scenario func(w *world) // in place of rounds
	length   *length
	witness  bool     // there is one
	idle     int      // how many election timeouts a world rests at most between two rounds
	faults   []string // by name; nil: all
}

// figures are what a world has seen.
type figures struct {
	virtual   time.Duration
	rounds    int
	faults    map[string]int
	answered  int
	unknown   int
	txns      int
	refused   int
	recovery  time.Duration // the longest
	elections int
}

func (f *figures) add(o *figures) {
	f.virtual += o.virtual
	f.rounds += o.rounds
	f.answered += o.answered
	f.unknown += o.unknown
	f.txns += o.txns
	f.refused += o.refused
	f.recovery = max(f.recovery, o.recovery)
	f.elections += o.elections
	if f.faults == nil {
		f.faults = map[string]int{}
	}
	for k, n := range o.faults {
		f.faults[k] += n
	}
}

// maxStory bounds the story in lines.
const maxStory = 3000

func (w *world) tell(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.story) >= maxStory {
		n := maxStory / 4
		w.story = w.story[n:]
		w.lost += n
	}
	if strings.Contains(line, "Leading epoch ") && !strings.Contains(line, "No longer") {
		w.figures.elections++
	}
	line = fmt.Sprintf("%14.6f %s", time.Since(w.began).Seconds(), line)
	w.story = append(w.story, line)
	if os.Getenv("REGENT_SIM_TELL") != "" {
		fmt.Println(line)
	}
}

// wrong notes a violation.
func (w *world) wrong(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	w.tell("WRONG: %v", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.errs) > 0
}

// ended is told of each process's end.
func (w *world) ended(nd *node, life int, err error) {
	if err != nil && int(nd.life.Load()) == life {
		w.tell("node %d has ended: %v", nd.id, err)
	}
}

// simulate runs a world by its seed and judges it.
func simulate(t *testing.T, seed uint64, o options) *figures {
	t.Helper()
	dir := t.TempDir()
	var f figures
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, seed: seed, opts: o, dir: dir, began: time.Now(), history: harness.NewHistory()}
		w.rnd = rand.New(rand.NewPCG(seed, 0))
		w.plan = drawPlan(w.rnd, o)
		w.plan.drawWitness(seed, o)
		w.figures.faults = map[string]int{}
		ctx, stop := context.WithCancel(context.Background())
		w.ctx = ctx
		defer func() {
			stop()
			w.running.Wait()
		}()
		w.run()
		w.figures.virtual = time.Since(w.began)
		f = w.figures
		if w.failed() {
			w.report()
		}
	})
	return &f
}

// report prints the story.
func (w *world) report() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %v\n%d nodes, %s\n", w.seed, errors.Join(w.errs...), w.plan.nodes, w.plan)
	if w.lost > 0 {
		fmt.Fprintf(&b, "(%d lines before)\n", w.lost)
	}
	b.WriteString(strings.Join(w.story, "\n"))
	w.t.Error(b.String())
}

// run is the world's life.
func (w *world) run() {
	p := w.plan
	w.net = newNetwork(w.seed, p.least, p.most)
	w.tell("seed %d: %d nodes, %s, delays %s to %s", w.seed, p.nodes, p, p.least, p.most)
	for id := 1; id <= p.nodes; id++ {
		w.nodes = append(w.nodes, w.newNode(id, id == p.witness))
		w.lastID = id
	}
	for _, nd := range w.nodes {
		w.meet(nd)
	}
	for _, nd := range w.nodes {
		if err := nd.start(); err != nil {
			w.wrong("node %d does not start: %v", nd.id, err)
			return
		}
	}
	w.recovered("the start")
	w.startClients()
	if w.opts.scenario != nil {
		w.opts.scenario(w)
	}
	for i := 0; i < w.opts.rounds && !w.failed(); i++ {
		w.round()
	}
	w.stopClients()
	if !w.failed() {
		w.judge()
	}
	for _, nd := range w.nodes {
		if err := nd.end(); err != nil {
			w.wrong("node %d does not end in order: %v", nd.id, err)
		}
	}
}

// sleep lets time pass.
func (w *world) sleep(least, most time.Duration) {
	time.Sleep(least + time.Duration(w.rnd.Int64N(int64(most-least)+1)))
}

// round: some faults, one behind the other or at once, then all is mended, and the
// cluster recovers; then nothing happens for a while.
func (w *world) round() {
	w.figures.rounds++
	w.spent = false
	w.traffic.busy.Store(true)
	var mend []func()
	for range 1 + w.rnd.IntN(4) {
		if f := w.fault(); f != nil {
			mend = append(mend, f)
		}
		w.sleep(w.plan.timeout/10, 4*w.plan.timeout)
		if len(mend) > 0 && w.rnd.IntN(2) == 0 {
			i := w.rnd.IntN(len(mend))
			mend[i]()
			mend = append(mend[:i], mend[i+1:]...)
			w.sleep(0, 2*w.plan.timeout)
		}
	}
	for _, f := range mend {
		f()
	}
	w.mendAll()
	w.settleMembers()
	w.recovered("a round of faults")
	w.traffic.busy.Store(false)
	w.sleep(0, time.Duration(w.opts.idle)*w.plan.timeout)
}

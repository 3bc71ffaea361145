package harness

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A wire carries frames between two interfaces through this process, so that
// they can be late, lost, doubled or overtaken. The kernel's netem does as much
// where it is built in; TAP devices are there in every kernel that has
// namespaces to speak of.
//
//	host's namespace           this process               hub's namespace
//	eth0, a TAP ──frame──► lost? doubled? ──► queue ──► p1, a TAP on the bridge
//	            ◄────────── and the same the other way ──────────
//
// Frames keep their order but for those that overtake: delays that are drawn
// frame by frame would make of each jitter a reordering, which few networks do.
type wire struct {
	weather *atomic.Pointer[Weather]
	ends    [2]*os.File
	wg      sync.WaitGroup
}

// Weather is what happens to frames, in each direction; the zero value is a
// good network.
type Weather struct {
	Delay    time.Duration // of each frame
	Jitter   time.Duration // at most that much more, evenly
	Lose     float64       // share of frames that do not arrive
	Double   float64       // share that arrives twice
	Overtake float64       // share that waits for nothing
}

func (w Weather) String() string {
	return fmt.Sprintf("%v to %v late, %g lost, %g doubled, %g overtaking", w.Delay, w.Delay+w.Jitter, w.Lose, w.Double, w.Overtake)
}

const (
	// maxFrame bounds a frame in bytes; the interfaces' MTU is 1,500.
	maxFrame = 2048
	// maxQueued bounds the frames under way in one direction; what comes on top
	// is lost, as in any router.
	maxQueued = 4096
	// tunDevice makes TAP interfaces.
	tunDevice = "/dev/net/tun"
)

// openTap makes a TAP interface in the namespace of this thread.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", tunDevice, err)
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make the interface %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// start begins to carry frames.
func (w *wire) start(seed uint64) {
	for i, from := range w.ends {
		q := &queue{wake: make(chan struct{}, 1), rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
		w.wg.Go(func() { w.receive(from, q) })
		w.wg.Go(func() { q.send(w.ends[1-i]) })
	}
}

// close ends the wire and its interfaces.
func (w *wire) close() {
	for _, f := range w.ends {
		if f != nil {
			f.Close()
		}
	}
	w.wg.Wait()
}

func (w *wire) receive(from *os.File, q *queue) {
	defer q.end()
	buf := make([]byte, maxFrame)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		q.take(buf[:n], w.weather.Load(), time.Now())
	}
}

// A queue is the frames under way in one direction.
type queue struct {
	rnd  *rand.Rand // the receiver's
	wake chan struct{}

	mu    sync.Mutex
	due   frames
	last  time.Time // when the last one is due that keeps its order
	seq   uint64
	ended bool
}

// take decides about a frame and copies it.
func (q *queue) take(p []byte, w *Weather, now time.Time) {
	if q.rnd.Float64() < w.Lose {
		return
	}
	copies := 1
	if q.rnd.Float64() < w.Double {
		copies = 2
	}
	q.mu.Lock()
	for range copies {
		if len(q.due) >= maxQueued {
			break
		}
		at := now
		if q.rnd.Float64() >= w.Overtake {
			at = now.Add(w.Delay + time.Duration(q.rnd.Float64()*float64(w.Jitter)))
			if at.Before(q.last) {
				at = q.last
			}
			q.last = at
		}
		q.seq++
		heap.Push(&q.due, frame{at, q.seq, append([]byte(nil), p...)})
	}
	q.mu.Unlock()
	q.signal()
}

func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// send lets frames go when they are due. An interface that is down takes none:
// they are lost.
func (q *queue) send(to *os.File) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		f, wait, ended := q.next(time.Now())
		switch {
		case ended:
			return
		case f != nil:
			_, _ = to.Write(f)
			continue
		case wait > 0:
			timer.Reset(wait)
		}
		select {
		case <-q.wake:
		case <-timer.C:
		}
	}
}

// next is a frame that is due, or how long to wait for one; 0: for a signal.
func (q *queue) next(now time.Time) (p []byte, wait time.Duration, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.ended:
		return nil, 0, true
	case len(q.due) == 0:
		return nil, 0, false
	case q.due[0].at.After(now):
		return nil, q.due[0].at.Sub(now), false
	}
	return heap.Pop(&q.due).(frame).bytes, 0, false
}

// A frame is due at a time; those of one time go in order.
type frame struct {
	at    time.Time
	seq   uint64
	bytes []byte
}

// frames are a heap by time.
type frames []frame

func (f frames) Len() int { return len(f) }
func (f frames) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].seq < f[j].seq
	}
	return f[i].at.Before(f[j].at)
}
func (f frames) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *frames) Push(x any)   { *f = append(*f, x.(frame)) }
func (f *frames) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

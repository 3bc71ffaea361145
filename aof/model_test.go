package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"regent/aof/disk/disktest"
	"regent/engine/config"
	"regent/engine/units"
)

// A logModel is what a log should hold: the stream's bytes, where its units
// end, and how much of it is durable.
type logModel struct {
	fsys    *disktest.FS
	r       *rig
	stream  []byte
	ends    []int // offsets between units, 0 among them
	lines   []int // records carried out up to there
	got     []string
	epoch   int64
	durable int
}

func (m *logModel) fatal(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// took notes what the log appended, as a reader of it sees it.
func (m *logModel) took(t *rapid.T, line string) {
	rd, err := m.r.Stream().NewReader(int64(len(m.stream)))
	m.fatal(t, err)
	defer rd.Close()
	p, err := io.ReadAll(rd)
	m.fatal(t, err)
	sc := units.NewScanner(0, int64(len(m.stream)))
	for i, b := range p {
		whole, err := sc.Scan(p[i : i+1])
		m.fatal(t, err)
		m.stream = append(m.stream, b)
		if whole == 0 {
			continue
		}
		m.ends = append(m.ends, len(m.stream))
		m.lines = append(m.lines, len(m.got))
	}
	if line != "" {
		m.got = append(m.got, line)
		m.lines[len(m.lines)-1]++
	}
	m.synced(m.r.fsync.Load() == config.FsyncAlways)
}

func (m *logModel) synced(wait bool) {
	if wait && m.r.waitSynced(int64(len(m.stream))) == nil {
		m.durable = len(m.stream)
	}
}

func (m *logModel) open(t *rapid.T, policy int64) {
	r, err := loaded(m.fsys, policy)
	m.fatal(t, err)
	m.r = r
	end := int(r.Stream().End())
	at := -1
	for i, e := range m.ends {
		if e == end {
			at = i
		}
	}
	if at < 0 || end < m.durable {
		t.Fatalf("the log ends at %d, which is no end of a unit, or before %d, which was durable", end, m.durable)
	}
	m.cut(at)
	if fmt.Sprint(r.got) != fmt.Sprint(m.got) {
		t.Fatalf("loaded %q, want %q", r.got, m.got)
	}
	m.durable = end
}

// cut makes the model end at m.ends[at].
func (m *logModel) cut(at int) {
	m.ends, m.lines = m.ends[:at+1], m.lines[:at+1]
	m.stream = m.stream[:m.ends[at]:m.ends[at]]
	m.got = m.got[:m.lines[at]:m.lines[at]]
	m.durable = min(m.durable, len(m.stream))
}

// check compares the stream from a random offset.
func (m *logModel) check(t *rapid.T) {
	from := m.ends[rapid.IntRange(0, len(m.ends)-1).Draw(t, "from")]
	rd, err := m.r.Stream().NewReader(int64(from))
	m.fatal(t, err)
	defer rd.Close()
	p, err := io.ReadAll(rd)
	m.fatal(t, err)
	if !bytes.Equal(p, m.stream[from:]) {
		t.Fatalf("the stream from %d on is %q, want %q", from, p, m.stream[from:])
	}
}

// TestLogAgainstModel appends, follows, cuts, reopens and loses power at
// random, and compares with a slice of bytes.
func TestLogAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &logModel{fsys: disktest.New(), ends: []int{0}, lines: []int{0}}
		policy := rapid.SampledFrom([]int64{config.FsyncAlways, config.FsyncEverysec, config.FsyncNo})
		m.open(t, policy.Draw(t, "policy"))
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				n++
				line := fmt.Sprintf("%d: SET k%d %s", rapid.IntRange(0, 2).Draw(t, "db"), n, bytes.Repeat([]byte("v"), rapid.IntRange(0, 300).Draw(t, "size")))
				m.fatal(t, m.r.Seal(m.r.Recorder().Append(effects(line))))
				m.took(t, line)
			},
			"epoch": func(t *rapid.T) {
				m.epoch = max(m.epoch, m.r.Stream().LastEpoch()) + 1
				_, err := m.r.Stream().BeginEpoch(m.epoch, 1)
				m.fatal(t, err)
				m.took(t, "")
			},
			"follow": func(t *rapid.T) {
				n++
				line := fmt.Sprintf("1: SET raw%d v", n)
				g := pending{}
				g.reset(Place{})
				g.add(effects(line))
				p := g.buf[headroom:]
				split := rapid.IntRange(0, len(p)).Draw(t, "split")
				off := int64(len(m.stream))
				m.fatal(t, m.r.Stream().AppendRaw(off, p[:split]))
				m.fatal(t, m.r.Stream().AppendRaw(off+int64(split), p[split:]))
				m.took(t, line)
			},
			"truncate": func(t *rapid.T) {
				at := rapid.IntRange(0, len(m.ends)-1).Draw(t, "at")
				m.fatal(t, m.r.Stream().Truncate(int64(m.ends[at])))
				m.cut(at)
			},
			"rotate": func(t *rapid.T) {
				m.fatal(t, m.r.syncOnce())
				m.fatal(t, m.r.addSegment(head{start: m.r.written.Load(), db: m.r.pending.db, history: m.r.history}))
			},
			"reopen": func(t *rapid.T) {
				m.fatal(t, m.r.Close())
				m.open(t, policy.Draw(t, "policy"))
			},
			"kill": func(t *rapid.T) {
				m.durable = len(m.stream)
				m.fsys = m.fsys.Kill()
				m.open(t, policy.Draw(t, "policy"))
			},
			"power": func(t *rapid.T) {
				part := rapid.IntRange(0, 100).Draw(t, "part")
				m.fsys = m.fsys.Crash(disktest.Loss{Content: func(_ string, synced, last []byte) []byte {
					if len(last) < len(synced) {
						return last
					}
					return last[:len(synced)+(len(last)-len(synced))*part/100]
				}})
				m.open(t, policy.Draw(t, "policy"))
			},
			"": m.check,
		})
		_ = m.r.Close()
	})
}

// FuzzLoad loads anything as the only file of a log: it must refuse with a
// place, or give records and be writable from then on.
func FuzzLoad(f *testing.F) {
	h := head{start: 0, salt: 7}
	good := h.encode()
	f.Add(good)
	f.Add(append(bytes.Clone(good), "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*1\r\n$5\r\nMULTI\r\n"...))
	g := pending{}
	g.reset(Place{})
	g.add(effects("0: SET a 1", "3: SET b 2"))
	g.begin(3, 4)
	out := g.take()
	out.frame(7)
	framed := append(bytes.Clone(good), out.buf[out.at:]...)
	f.Add(framed)
	f.Add(framed[:len(framed)-3])
	f.Add([]byte("#TS:123\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fsys := disktest.New()
		name := "appendonly.aof.1.incr.aof"
		m := manifest{incr: []entry{{name, 1, typeIncr}}}
		fsys.Put(filepath.Join(testDir, "appendonly.aof.manifest"), m.encode())
		fsys.Put(filepath.Join(testDir, name), text)
		r, err := loaded(fsys, config.FsyncNo)
		if err != nil {
			var damage *DamageError
			if !errors.As(err, &damage) || damage.File != name {
				t.Fatalf("a refusal without a place: %v", err)
			}
			return
		}
		r.write(t, "0: SET after 1")
		want := append(r.got, "0: SET after 1")
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		again := mustLoad(t, fsys, config.FsyncNo)
		wantLines(t, again.got, want...)
	})
}

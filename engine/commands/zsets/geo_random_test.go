package zsets_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// places draws positions, searches and what else there is of the group geo.
type places struct {
	dice
	seen [][2]string // where members have been put
}

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// place is anywhere on the globe, and often where something is peculiar: at the limits,
// at the date line, at lines between cells, where another member is, or outside.
func (p *places) place() (lon, lat string) {
	switch p.IntN(12) {
	case 0:
		return p.one("180", "-180", "179.9999999", "-179.9999999", degrees(180-p.Float64()/100), degrees(-180+p.Float64()/100)), p.latitude()
	case 1:
		return degrees(p.Float64()*360 - 180), p.one("85.05112878", "-85.05112878", "85.0511", "-85.05", "84.9", "-66.01", "66.01", "80.02", "-80.02")
	case 2:
		return p.one("0", "-0", "90", "-90", "45", "5e-324"), p.one("0", "-0", "42.52556439", "-42.52556439", "1e-7")
	case 3, 4:
		if len(p.seen) > 0 {
			at := p.seen[p.IntN(len(p.seen))]
			return at[0], at[1]
		}
	case 5, 6, 7: // a town
		return degrees(13 + p.NormFloat64()/20), degrees(52 + p.NormFloat64()/20)
	case 8:
		if p.IntN(10) == 0 {
			return p.one("180.01", "-181", "x", "inf", "1e300", ""), p.one("85.06", "-86", "y", "-inf", "12")
		}
	}
	return degrees(p.Float64()*360 - 180), p.latitude()
}

func (p *places) latitude() string { return degrees((p.Float64()*2 - 1) * 85.05) }

func (p *places) member() string { return "m" + strconv.Itoa(p.IntN(700)) }
func (p *places) source() string {
	return p.one("few", "few", "many", "many", "many", "stored", "many", "text", "none")
}

// length is a radius or a side in some unit.
func (p *places) length() string {
	switch p.IntN(40) {
	case 0:
		return p.one("0", "-1", "x", "inf", "1e308", "5e-324", "1e-9")
	case 1:
		return degrees(20037726.37 * math.Pow(2, -float64(p.IntN(30))))
	}
	return degrees(math.Pow(10, p.Float64()*9-1))
}

func (p *places) unit() string {
	return p.one("m", "m", "km", "M", "KM", "ft", "mi", p.one("m", "m", "m", "yd"))
}

// options are those that every search has, in any order.
func (p *places) options(store bool) (out [][]string) {
	out = append(out, p.maybe(2, p.one("ASC", "DESC", "asc")), p.maybe(3, "COUNT", p.one("1", "2", "7", "30", "100", "0"+p.one("", "x"))))
	if len(out[1]) > 0 && p.IntN(2) == 0 {
		out[1] = append(out[1], "ANY")
	}
	if !store || p.IntN(30) == 0 {
		out = append(out, p.maybe(2, "WITHCOORD"), p.maybe(2, "WITHDIST"), p.maybe(3, "WITHHASH"))
	}
	return append(out, p.maybe(60, "ANY"), p.maybe(80, "odd"))
}

func (p *places) shuffled(parts [][]string) (out []string) {
	p.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return slices.Concat(parts...)
}

func (p *places) search() []string {
	store := p.IntN(4) == 0
	parts := p.options(store)
	lon, lat := p.place()
	from := []string{"FROMLONLAT", lon, lat}
	if p.IntN(3) == 0 {
		from = []string{"FROMMEMBER", p.member()}
	}
	by := []string{"BYRADIUS", p.length(), p.unit()}
	if p.IntN(2) == 0 {
		by = []string{"BYBOX", p.length(), p.length(), p.unit()}
	}
	parts = append(parts, from, by, p.maybe(80, from...), p.maybe(80, "BYRADIUS", "10", "km"))
	if store {
		return append([]string{"GEOSEARCHSTORE", "stored", p.source()}, p.shuffled(append(parts, p.maybe(2, "STOREDIST")))...)
	}
	return append([]string{"GEOSEARCH", p.source()}, p.shuffled(parts)...)
}

func (p *places) oldSearch() []string {
	store := p.IntN(4) == 0
	parts := p.options(store)
	if store {
		parts = append(parts, []string{p.one("STORE", "STOREDIST"), "stored"}, p.maybe(20, "STORE", "stored"))
	}
	readOnly := p.one("", "", "_RO")
	if p.IntN(2) == 0 {
		return append([]string{"GEORADIUSBYMEMBER" + readOnly, p.source(), p.member(), p.length(), p.unit()}, p.shuffled(parts)...)
	}
	lon, lat := p.place()
	return append([]string{"GEORADIUS" + readOnly, p.source(), lon, lat, p.length(), p.unit()}, p.shuffled(parts)...)
}

func (p *places) add() []string {
	key := p.one("few", "many", "many", "many", p.one("text", "many"))
	c := slices.Concat([]string{"GEOADD", key}, p.maybe(8, "NX"), p.maybe(8, "XX"), p.maybe(8, "ch"))
	n := 1 + p.IntN(3)
	if key == "many" {
		n = 1 + p.IntN(40)
	}
	for range n {
		lon, lat := p.place()
		if len(p.seen) < 1000 {
			p.seen = append(p.seen, [2]string{lon, lat})
		}
		b := p.member()
		if key == "few" {
			b = "m" + strconv.Itoa(p.IntN(60))
		}
		c = append(c, lon, lat, b)
	}
	return append(c, p.maybe(60, "odd")...)
}

func (p *places) command() []string {
	switch p.IntN(16) {
	case 0, 1, 2:
		return p.add()
	case 3:
		return append([]string{"GEODIST", p.source(), p.member(), p.member()}, p.maybe(2, p.unit())...)
	case 4:
		return []string{"GEOPOS", p.source(), p.member(), p.member()}
	case 5:
		return []string{"GEOHASH", p.source(), p.member(), p.member()}
	case 6:
		return [][]string{
			{"ZADD", "many", p.one("-1", "1.5", "4503599627370495.5", "1e18", "1e19", "1e20", "-inf", "inf", "-0", "-1e19", "13510798882111488", "9007199254740993"), p.member()},
			{"ZREM", p.source(), p.member(), p.member(), p.member()},
		}[p.IntN(2)]
	case 7, 8, 9, 10:
		return p.oldSearch()
	}
	return p.search()
}

// meters are those of the unit that a command has last.
func meters(c []string) float64 {
	for _, w := range slices.Backward(c) {
		switch strings.ToLower(w) {
		case "km":
			return 1000
		case "ft":
			return 0.3048
		case "mi":
			return 1609.34
		}
	}
	return 1
}

// near reports whether two distances, in meters, differ by no more than what a sine's last
// bit makes of them: next to nothing, but for places on the other side of the earth.
func near(f, g float64) bool {
	const radius, ulp = 6372797.560856, 1.0 / (1 << 52)
	steep := max(math.Cos(f/radius/2), 1e-8)
	return math.Abs(f-g) <= 4*ulp*(f+radius/steep)
}

// sameReply reports whether two replies are the same, but for distances to the other side
// of the earth, where a sine's last bit can be seen.
func sameReply(c []string, got, want string) bool {
	const otherSide = 19.8e6 // meters
	if got == want {
		return true
	}
	ours, theirs := strings.Split(got, "\r\n"), strings.Split(want, "\r\n")
	if len(ours) != len(theirs) {
		return false
	}
	for i := range ours {
		f, errF := strconv.ParseFloat(ours[i], 64)
		g, errG := strconv.ParseFloat(theirs[i], 64)
		f, g = f*meters(c), g*meters(c)
		if ours[i] != theirs[i] && (errF != nil || errG != nil || min(f, g) < otherSide || !near(f, g)) {
			return false
		}
	}
	return true
}

// firstDifference is what is short enough to be shown.
func firstDifference(got, want string) (string, string) {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	cut := func(s string) string { return fmt.Sprintf("%d bytes, … %.300q", len(s), s[max(0, i-100):]) }
	return cut(got), cut(want)
}

// TestRandomPlacesAgainstRedis compares each reply, the data and the count of changes. A
// distance that is stored may differ in its last bit: a C library's sine is not always
// the nearest one, nor the same on every machine.
func TestRandomPlacesAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t, "--enable-debug-command", "yes")
	runs, commands := rounds()
	for run := range runs {
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			p := places{dice: dice{rand.New(rand.NewPCG(uint64(run), 11))}}
			s := enginetest.NewEngine(t)
			s.Config.EnableDebugCommand.Set("yes")
			ours, theirs := s.Client(), redis.Client(t)
			theirs.Do("FLUSHALL")
			for _, c := range [][]string{{"HELLO", strconv.Itoa(2 + run%2)}, {"SET", "text", "x"}} {
				theirs.Do(c...)
				ours.Do(c...)
			}
			changes, found, same, stored, shown := enginetest.NewTally(t, s, theirs), 0, 0, 0, 0
			for i := range commands {
				c := p.command()
				got, want := ours.Do(c...), theirs.Do(c...)
				if !sameReply(c, got, want) {
					got, want = firstDifference(got, want)
					t.Fatalf("%d: %q\n  got  %s\n  want %s", i, c, got, want)
				}
				if got != want {
					shown++
				}
				if strings.HasPrefix(got, "*") && got != "*0\r\n" {
					found++
				}
				if slices.Contains(c, "STOREDIST") {
					a, b := compareStored(t, c, ours.Do("ZRANGE", "stored", "0", "-1", "WITHSCORES"), theirs.Do("ZRANGE", "stored", "0", "-1", "WITHSCORES"))
					same, stored = same+a, stored+b
					ours.Do("DEL", "stored")
					theirs.Do("DEL", "stored")
				}
				if i%50 == 0 {
					changes.Since(t.Fatalf, c)
					if got, want := ours.Do("DEBUG", "DIGEST"), theirs.Do("DEBUG", "DIGEST"); got != want {
						t.Fatalf("%d: other data than redis-server", i)
					}
				}
			}
			if found < commands/10 {
				t.Errorf("%d of %d commands found something: too few to say much", found, commands)
			}
			t.Logf("%d commands, %d found something; of %d stored distances %d are the same to the last bit, and a last bit was shown %d times", commands, found, stored, same, shown)
			if keys := s.Misweighed(); len(keys) > 0 {
				t.Errorf("%q are not counted right, or empty", keys)
			}
		})
	}
}

// compareStored compares members with distances: all the same, or in an order that differs
// where distances do in their last bit. It returns how many are equal, and of how many.
func compareStored(t *testing.T, c []string, got, want string) (same, n int) {
	t.Helper()
	read := func(reply string) map[string]float64 {
		words, out := flat(enginetest.Parsed(t, reply)), map[string]float64{}
		for i := 0; i+1 < len(words); i += 2 {
			out[words[i]], _ = strconv.ParseFloat(words[i+1], 64)
		}
		return out
	}
	ours, theirs := read(got), read(want)
	if len(ours) != len(theirs) {
		t.Fatalf("%q\n  got  %d\n  want %d", c, len(ours), len(theirs))
	}
	unit := meters(c)
	for b, f := range theirs {
		g, ok := ours[b]
		if !ok || !near(f*unit, g*unit) {
			t.Fatalf("%q: %s is at %v, not at %v", c, b, g, f)
		}
		if n++; g == f {
			same++
		}
	}
	return same, n
}

// flat are the texts of a reply, without its arrays.
func flat(n enginetest.Node) (out []string) {
	if len(n.Elems) == 0 {
		return []string{n.Text}
	}
	for _, e := range n.Elems {
		out = append(out, flat(e)...)
	}
	return out
}

package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A SavePoint says that the data is saved when there were Changes at least and
// the last save is After ago.
type SavePoint struct {
	After   time.Duration
	Changes int64
}

// SavePoints are the points of the save directive.
type SavePoints struct{ v atomic.Pointer[[]SavePoint] }

// Get returns the points; nobody changes them.
func (p *SavePoints) Get() []SavePoint {
	if v := p.v.Load(); v != nil {
		return *v
	}
	return nil
}

// Set replaces them.
func (p *SavePoints) Set(v []SavePoint) { p.v.Store(&v) }

// impliedSavePoints are Redis's default. Where the log holds every write they are
// not wanted; without the log they are all that keeps the data.
const impliedSavePoints = "3600 1 300 100 60 10000"

const errSavePoints = asRedis("Invalid save parameters")

// savePoints is "seconds changes ..."; none by default, but see Imply.
func savePoints(name string, v *SavePoints) *directive {
	return &directive{name: name, glue: " ", bare: true, grows: true,
		parse: func(line string) (func(), error) {
			points, err := parseSavePoints(line)
			return func() { v.Set(points) }, err
		},
		show: func() string {
			var parts []string
			for _, p := range v.Get() {
				parts = append(parts, fmt.Sprintf("%d %d", int64(p.After/time.Second), p.Changes))
			}
			return strings.Join(parts, " ")
		},
	}
}

func parseSavePoints(line string) (points []SavePoint, err error) {
	line, _, _ = strings.Cut(line, "\x00") // Redis reads C strings
	if line == "" {
		return nil, nil
	}
	f := strings.Split(line, " ")
	if len(f)%2 != 0 {
		return nil, errSavePoints
	}
	for ; len(f) > 0; f = f[2:] {
		seconds, ok1 := saveNumber(f[0])
		changes, ok2 := saveNumber(f[1])
		if !ok1 || !ok2 || seconds < 1 || seconds > math.MaxInt32 || changes < 0 || changes > math.MaxInt32 {
			return nil, errSavePoints
		}
		points = append(points, SavePoint{time.Duration(seconds) * time.Second, changes})
	}
	return points, nil
}

// saveNumber reads as C does: nothing is 0.
func saveNumber(word string) (int64, bool) {
	if word == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil
}

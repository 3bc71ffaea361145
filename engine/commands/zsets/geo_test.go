package zsets_test

import (
	"fmt"
	"strconv"
	"testing"

	"regent/engine/enginetest"
)

// TestPlacesMakeNoGarbage: what shows a position, moves one or searches allocates nothing,
// as long as what has to be sorted is not much.
func TestPlacesMakeNoGarbage(t *testing.T) {
	do := enginetest.HotSession(t, &enginetest.Tape{})
	for key, size := range map[string]int{"small": 50, "large": 3000} {
		for i := range size {
			do(enginetest.Raw("GEOADD", key, fmt.Sprint(13+float64(i%60)/100), fmt.Sprint(38+float64(i/60)/100), "member:"+strconv.Itoa(i)))
		}
		for _, cmd := range [][][]byte{
			enginetest.Raw("GEODIST", key, "member:1", "member:2", "km"), enginetest.Raw("GEOPOS", key, "member:1", "x", "member:2"), enginetest.Raw("GEOHASH", key, "member:1", "x"),
			enginetest.Raw("GEOADD", key, "13", "38", "member:0"), enginetest.Raw("GEOADD", key, "XX", "13", "38", "x"),
			enginetest.Raw("GEOSEARCH", key, "FROMLONLAT", "13.2", "38", "BYRADIUS", "20", "km"),
			enginetest.Raw("GEOSEARCH", key, "FROMLONLAT", "13.2", "38", "BYRADIUS", "20", "km", "COUNT", "5", "ANY", "WITHDIST", "WITHCOORD", "WITHHASH"),
			enginetest.Raw("GEOSEARCH", key, "FROMMEMBER", "member:7", "BYBOX", "10", "5", "km", "ASC", "WITHDIST"),
			enginetest.Raw("GEOSEARCH", key, "FROMMEMBER", "member:7", "BYRADIUS", "3", "km", "DESC", "COUNT", "2"),
			enginetest.Raw("GEORADIUS_RO", key, "13.2", "38", "2", "km", "ASC"), enginetest.Raw("GEORADIUSBYMEMBER_RO", key, "member:9", "2", "km"),
			enginetest.Raw("GEOSEARCH", "nokey", "FROMMEMBER", "x", "BYRADIUS", "2", "km"),
		} {
			do(cmd)
			if n := testing.AllocsPerRun(100, func() { do(cmd) }); n != 0 {
				t.Errorf("%s: %v allocations", cmd, n)
			}
		}
	}
	here, there := enginetest.Raw("GEOADD", "large", "13", "38", "a", "14", "39", "b"), enginetest.Raw("GEOADD", "large", "14", "39", "a", "13", "38", "b")
	do(here)
	if n := testing.AllocsPerRun(100, func() { do(there); do(here) }); n != 0 {
		t.Errorf("GEOADD that moves members: %v allocations", n)
	}
}

func BenchmarkGeosearch(b *testing.B) {
	do := enginetest.HotSession(b, &enginetest.Tape{})
	for key, size := range map[string]int{"small": 50, "large": 100_000} {
		for i := range size {
			do(enginetest.Raw("GEOADD", key, fmt.Sprint(13+float64(i%300)/100), fmt.Sprint(38+float64(i/300)/100), "member:"+strconv.Itoa(i)))
		}
	}
	for name, cmd := range map[string][][]byte{
		"small":      enginetest.Raw("GEOSEARCH", "small", "FROMLONLAT", "13.2", "38", "BYRADIUS", "10", "km"),
		"large":      enginetest.Raw("GEOSEARCH", "large", "FROMLONLAT", "14.5", "39", "BYRADIUS", "5", "km"),
		"large-asc":  enginetest.Raw("GEOSEARCH", "large", "FROMLONLAT", "14.5", "39", "BYRADIUS", "5", "km", "ASC", "WITHDIST"),
		"large-box":  enginetest.Raw("GEOSEARCH", "large", "FROMLONLAT", "14.5", "39", "BYBOX", "10", "10", "km"),
		"large-wide": enginetest.Raw("GEOSEARCH", "large", "FROMLONLAT", "14.5", "39", "BYRADIUS", "50", "km", "COUNT", "10"),
		"add":        enginetest.Raw("GEOADD", "large", "14", "39", "member:5"),
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				do(cmd)
			}
		})
	}
}

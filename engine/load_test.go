package engine_test

import (
	"fmt"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// TestReserveBelievesNoLies: a file's sizes make room for what it can hold, and
// what did not come is given back.
func TestReserveBelievesNoLies(t *testing.T) {
	const fileBytes, lie = 300 << 10, 1 << 60
	for _, frozen := range []bool{false, true} {
		e := engine.New(engine.Options{Config: config.New(), Host: enginetest.NewHost(t), Cluster: enginetest.NewCluster()})
		put := e.LoadBatch
		if frozen {
			put = e.LoadFrozen
			e.Freeze(func() { reserveAndLoad(t, e, frozen, fileBytes, lie, put) })
		} else {
			reserveAndLoad(t, e, frozen, fileBytes, lie, put)
		}
		for range 1000 {
			if !e.Maintain() {
				break
			}
		}
		// The keys that came, and room for not many more.
		if used := e.UsedMemory(); used > 1<<20 {
			t.Errorf("frozen %v: %d bytes are in use after the load", frozen, used)
		}
	}
}

func reserveAndLoad(t *testing.T, e *engine.Engine, frozen bool, fileBytes int64, sizes uint64, put func(*rdb.Batch) error) {
	t.Helper()
	room := e.NewReserve(fileBytes, frozen)
	room.Resize(0, sizes, sizes)
	room.Resize(1<<30, sizes, sizes) // there is no such database
	var b rdb.Batch
	for i := range 1000 {
		b.Entries = append(b.Entries, rdb.Entry{Meta: rdb.Meta{Expire: int64(i % 2)}, Key: fmt.Append(nil, "k", i), Str: []byte("v")})
	}
	if err := put(&b); err != nil {
		t.Fatal(err)
	}
	room.Release()
}

package engine_test

import (
	"fmt"
	"testing"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// TestReserveBelievesNoLies: a file's sizes make room for what it can hold, and
// what did not come is given back.
func TestReserveBelievesNoLies(t *testing.T) {
	const fileBytes, lie = 300 << 10, 1 << 60
	e := engine.New(engine.Options{Config: config.New(), Host: enginetest.NewHost(t), Cluster: enginetest.NewCluster(), Rooms: commands.All()})
	room := e.NewReserve(fileBytes)
	room.Resize(0, lie, lie)
	room.Resize(1<<30, lie, lie) // there is no such database
	var b rdb.Batch
	for i := range 1000 {
		b.Entries = append(b.Entries, rdb.Entry{Meta: rdb.Meta{Expire: int64(i % 2)}, Key: fmt.Append(nil, "k", i), Str: []byte("v")})
	}
	if err := e.LoadBatch(&b); err != nil {
		t.Fatal(err)
	}
	room.Release()
	for range 1000 {
		if !e.Maintain() {
			break
		}
	}
	// The keys that came, and room for not many more.
	if used := e.UsedMemory(); used > 1<<20 {
		t.Errorf("%d bytes are in use after the load", used)
	}
}

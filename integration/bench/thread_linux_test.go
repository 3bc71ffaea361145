package main

import (
	"os"
	"testing"
	"time"
)

// TestProcessTime: it is this process's, and finer than the hundredths of /proc.
func TestProcessTime(t *testing.T) {
	before, err := processTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for { // until it has gone on by itself, which takes no more than running
		after, err := processTime(os.Getpid())
		if err != nil || after < before {
			t.Fatalf("%v after %v: %v", after, before, err)
		}
		if after > before && after%(10*time.Millisecond) != 0 {
			break
		}
	}
	if _, err := processTime(1 << 23); err == nil { // above the highest number of a process
		t.Error("there is no such process")
	}
}

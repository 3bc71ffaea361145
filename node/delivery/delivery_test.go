package delivery

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFile: what goes over the line, with a mark and with a length.
func TestFile(t *testing.T) {
	for _, try := range []struct {
		name string
		do   func(f *File) error
		want string // MARK: the mark
		left bool   // nothing was said
	}{
		{"a mark", func(f *File) error {
			_, err := f.Write([]byte("REDIS"))
			_, more := f.Write([]byte("0011"))
			return errors.Join(err, more, f.End())
		}, "head$EOF:MARK\r\nREDIS0011MARK", false},
		{"a length", func(f *File) error {
			err := f.Measured(5)
			_, more := f.Write([]byte("REDIS"))
			return errors.Join(err, more)
		}, "head$5\r\nREDIS", false},
		{"late", func(f *File) error {
			time.Sleep(2*BlankEvery + BlankEvery/2)
			_, err := f.Write([]byte("R"))
			time.Sleep(2 * BlankEvery)
			return errors.Join(err, f.End())
		}, "\n\nhead$EOF:MARK\r\nRMARK", false},
		{"nothing", func(f *File) error {
			if err := f.End(); !errors.Is(err, errEmpty) {
				return errors.New("an empty file ends well")
			}
			return nil
		}, "", true},
	} {
		t.Run(try.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				f := New(Options{
					Put:  func(b []byte) error { out.Write(b); return nil },
					Drop: func() { t.Error("dropped") },
					Rand: func() uint64 { return 0xfedcba9876543210 },
					Head: func() ([]byte, error) { return []byte("head"), nil },
				})
				if err := try.do(f); err != nil {
					t.Fatal(err)
				}
				if left := f.Hush(); left != try.left {
					t.Errorf("nothing was said: %v", left)
				}
				const mark = "fedcba9876543210fedcba9876543210fedcba98"
				if got := strings.ReplaceAll(out.String(), mark, "MARK"); got != try.want {
					t.Errorf("%q, want %q", got, try.want)
				}
			})
		})
	}
}

// TestFileThatNobodyTakes: a connection on which a blank line cannot be sent is ended, and so is
// one whose head or bytes cannot.
func TestFileThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dropped, failed := false, errors.New("gone")
		f := New(Options{Put: func([]byte) error { return failed }, Drop: func() { dropped = true }, Rand: func() uint64 { return 1 }})
		time.Sleep(BlankEvery + time.Second)
		if !f.Hush() || !dropped {
			t.Errorf("dropped: %v", dropped)
		}
		if _, err := f.Write([]byte("R")); !errors.Is(err, failed) || f.Sent() != 0 {
			t.Errorf("%v, %d sent", err, f.Sent())
		}
		bad := New(Options{Put: func([]byte) error { t.Error("put"); return nil }, Rand: func() uint64 { return 1 }, Head: func() ([]byte, error) { return nil, failed }})
		if err := bad.Measured(1); !errors.Is(err, failed) {
			t.Error(err)
		}
	})
}

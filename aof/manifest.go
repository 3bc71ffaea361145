package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"regent/aof/disk"
	"regent/resp"
)

// The manifest lists the files of the log in Redis's form, one a line:
//
//	file appendonly.aof.3.base.rdb seq 3 type b
//	file appendonly.aof.2.incr.aof seq 2 type h
//	file appendonly.aof.3.incr.aof seq 3 type i
//
// A file that it does not list does not exist: it is swept at the next start.
// So a change of files becomes real in the one moment when the new manifest is
// renamed over the old one. A comment at its end holds a checksum (a flipped
// bit makes a file of type i one of type h, which nobody loads); Redis skips
// it, and leaves it out when it writes the manifest itself. No line end follows it, so
// that tools which read whole lines see the files alone.
//
// What is wrong with a manifest is said in redis-server's words.

// Types of files.
const (
	typeBase    = 'b'
	typeHistory = 'h' // its bytes are in the base too; kept for followers
	typeIncr    = 'i'
)

// Limits of a manifest.
const (
	maxManifest  = 1 << 20 // bytes
	maxEntryLine = 1024    // bytes with the line end, as in Redis
	minWords     = 6       // of an entry; more are for later versions
	maxFileCount = 10000
)

// tempPrefix begins the names of files that are being made.
const tempPrefix = disk.TempPrefix

// An entry is one line of the manifest.
type entry struct {
	name string
	seq  int64
	kind byte
}

// A manifest lists the log's files: the base, if there is one, and the others
// in order.
type manifest struct {
	base    *entry
	history []entry
	incr    []entry
	summed  bool // it was read with a checksum: Regent wrote it, and all of it is there
}

// nextSeq is above the number of every file, the base's own count apart, as
// in Redis.
func (m *manifest) nextSeq() int64 {
	seq := int64(0)
	for _, list := range [][]entry{m.history, m.incr} {
		for _, e := range list {
			seq = max(seq, e.seq)
		}
	}
	return seq + 1
}

func (m *manifest) lists(name string) bool {
	for _, e := range m.entries() {
		if e.name == name {
			return true
		}
	}
	return false
}

func (m *manifest) entries() []entry {
	var all []entry
	if m.base != nil {
		all = append(all, *m.base)
	}
	all = append(all, m.history...)
	return append(all, m.incr...)
}

func (m *manifest) encode() []byte {
	var b []byte
	for _, e := range m.entries() {
		b = append(b, "file "...)
		if strings.ContainsFunc(e.name, needsQuotes) {
			b = resp.AppendQuoted(b, []byte(e.name))
		} else {
			b = append(b, e.name...)
		}
		b = append(b, " seq "...)
		b = strconv.AppendInt(b, e.seq, 10)
		b = append(b, " type "...)
		b = append(b, e.kind, '\n')
	}
	return fmt.Appendf(b, manifestSum+"%08x", checksum(b))
}

const manifestSum = "#CHECKSUM "

// sumLine is the length of that line in bytes, its end apart: earlier versions wrote one.
const sumLine = len(manifestSum) + 8

// redis-server's words.
const (
	errNoEntries   = wording("Found an empty AOF manifest")
	errLongLine    = wording("The AOF manifest file contains too long line")
	errEntry       = wording("Invalid AOF manifest file format")
	errEntryPath   = wording("File can't be a path, just a filename")
	errSecondBase  = wording("Found duplicate base file information")
	errEntryNumber = wording("Found a non-monotonic sequence number")
	errEntryType   = wording("Unknown AOF file type")
)

// A wording is an error in redis-server's words.
type wording string

func (w wording) Error() string { return string(w) }

func needsQuotes(r rune) bool { return r <= ' ' || r == '"' || r == '\'' || r == '\\' || r > '~' }

// parseManifest reads a manifest's text.
func parseManifest(text []byte) (*manifest, error) {
	m := &manifest{}
	if at := bytes.LastIndex(text, []byte(manifestSum)); at >= 0 {
		sum, ok := parseHex(bytes.TrimSpace(text[at+len(manifestSum):]))
		if !ok || sum != checksum(text[:at]) {
			return nil, errors.New("it does not match its checksum")
		}
		m.summed = true
	} else if last := len(bytes.TrimRight(text, "\n")) - sumLine; last >= 0 && nearly(text[last:], manifestSum) {
		return nil, errors.New("the line with its checksum is damaged")
	}
	if len(text) == 0 {
		return nil, errNoEntries
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line[0] == '#' {
			continue
		}
		e, err := parseEntry(line)
		if err == nil {
			err = m.add(e)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the manifest file, at line %d: %w: %q", n, err, clipped(line))
		}
	}
	return m, nil
}

// clipped is what is shown of a line.
func clipped(line []byte) []byte {
	const shown = 128
	return bytes.TrimSpace(line[:min(len(line), shown)])
}

// add puts e into its list; numbers of incr files must rise.
func (m *manifest) add(e entry) error {
	if m.lists(e.name) {
		return fmt.Errorf("%s is listed twice", e.name)
	}
	switch e.kind {
	case typeBase:
		if m.base != nil {
			return errSecondBase
		}
		m.base = &e
	case typeHistory:
		m.history = append(m.history, e)
	case typeIncr:
		if n := len(m.incr); n > 0 && m.incr[n-1].seq >= e.seq {
			return errEntryNumber
		}
		m.incr = append(m.incr, e)
	}
	if len(m.history)+len(m.incr) > maxFileCount {
		return fmt.Errorf("more than %d files", maxFileCount)
	}
	return nil
}

// parseEntry reads a line with its end. Keys that it does not know are for later versions.
func parseEntry(line []byte) (e entry, err error) {
	if len(line) > maxEntryLine || line[len(line)-1] != '\n' {
		return e, errLongLine
	}
	words, err := resp.SplitWords(bytes.TrimSpace(line))
	if err != nil || len(words) < minWords || len(words)%2 != 0 {
		return e, errEntry
	}
	for i := 0; i < len(words); i += 2 {
		value := string(words[i+1])
		switch strings.ToLower(string(words[i])) {
		case "file":
			e.name = value
		case "seq":
			if e.seq, err = strconv.ParseInt(value, 10, 64); err != nil {
				return e, errEntry
			}
		case "type":
			if len(value) == 1 {
				e.kind = value[0]
			} else {
				e.kind = '?'
			}
		}
	}
	switch {
	case e.name == "" || e.seq <= 0 || e.kind == 0:
		return e, errEntry
	case e.name == "." || e.name == ".." || e.name != filepath.Base(e.name) || strings.ContainsAny(e.name, "/\x00"):
		return e, errEntryPath
	case e.kind != typeBase && e.kind != typeHistory && e.kind != typeIncr:
		return e, errEntryType
	}
	return e, nil
}

// readManifest returns an empty manifest, and false, where there is none.
func readManifest(fsys disk.FS, path string) (_ *manifest, found bool, err error) {
	text, err := disk.Read(fsys, path, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return &manifest{}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return m, true, nil
}

// writeAside writes a whole file durably under its name. A crash leaves the old
// content or the new.
func writeAside(fsys disk.FS, path string, content []byte) error {
	return disk.ReplaceBytes(fsys, path, content)
}

package peer

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// listens reports whether a socket of this machine listens at an address, and
// whether that could be found out.
func listens(at netip.AddrPort) (open, known bool) {
	if open, err := asked(at); err == nil {
		return open, true
	}
	return shown(at)
}

// shown is listens by the tables that the kernel shows to everybody:
//
//	sl  local_address rem_address   st …
//	 0: 0100007F:1B59 00000000:0000 0A …
//
// with addresses as hex words in the machine's order of bytes, and those that
// listen, state 0A, before all others.
func shown(at netip.AddrPort) (open, known bool) {
	tables := []string{"/proc/net/tcp", "/proc/net/tcp6"}
	if at.Addr().Is6() {
		tables = tables[1:]
	}
	for _, table := range tables {
		f, err := os.Open(table)
		if err != nil {
			continue // a kernel without IPv6 has one table
		}
		known = true
		found, err := listed(f, at)
		f.Close()
		if err != nil {
			return false, false
		}
		if found {
			return true, true
		}
	}
	return false, known
}

// stateListen is TCP_LISTEN, and how the tables write it.
const (
	stateListen      = 10
	stateListenShown = "0A"
)

// listed looks a table through as far as it shows sockets that listen.
func listed(f *os.File, at netip.AddrPort) (bool, error) {
	want := map[string]bool{}
	for _, ip := range names(at.Addr()) {
		want[fmt.Sprintf("%s:%04X", ip, at.Port())] = true
	}
	lines := bufio.NewScanner(f)
	lines.Scan() // the heading
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || words[3] != stateListenShown {
			break
		}
		if want[words[1]] {
			return true, nil
		}
	}
	return false, lines.Err()
}

// names are the local addresses that take a connection to ip, as the tables
// write them: the address itself and those that stand for all.
func names(ip netip.Addr) []string {
	words := func(b []byte) (s string) {
		for ; len(b) > 0; b = b[4:] {
			s += fmt.Sprintf("%08X", binary.NativeEndian.Uint32(b))
		}
		return s
	}
	wide := ip.As16()
	out := []string{words(wide[:]), strings.Repeat("0", 32)}
	if ip.Is4() {
		narrow := ip.As4()
		out = append(out, words(narrow[:]), strings.Repeat("0", 8))
	}
	return out
}

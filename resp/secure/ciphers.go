package secure

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
)

// OpenSSL's names of the suites of TLS 1.2 and before that crypto/tls has.
var opensslNames = map[string]uint16{
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES128-SHA256":     tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-SHA256":       tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES128-SHA256":                 tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
}

// strongest are the suites of TLS 1.2 without a known weakness, in the order in which
// crypto/tls prefers them anyway.
var strongest = []string{
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
	"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
}

// maxCipherWords bounds the words of a list of ciphers.
const maxCipherWords = 128

// ciphersOf reads a list in OpenSSL's syntax: names, parts of names joined by +, and
// the words ALL, DEFAULT and HIGH, each of which may be taken away by ! or -. What is not
// known is passed over, as OpenSSL does, but a list of nothing that is known is refused.
// nil for "": crypto/tls's own choice.
func ciphersOf(list string) ([]uint16, error) {
	words := strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' })
	if len(words) == 0 {
		return nil, nil
	}
	if len(words) > maxCipherWords {
		return nil, fmt.Errorf("more than %d words", maxCipherWords)
	}
	var names, banned []string
	for _, w := range words {
		switch sign := w[0]; sign {
		case '!', '-':
			gone := matching(w[1:])
			if sign == '!' {
				banned = append(banned, gone...)
			}
			names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(gone, n) })
		case '@', '+': // an order, which crypto/tls keeps to itself
		default:
			for _, n := range matching(w) {
				if !slices.Contains(names, n) && !slices.Contains(banned, n) {
					names = append(names, n)
				}
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("none of %q is a cipher of TLS 1.2 that there is here", list)
	}
	ids := make([]uint16, len(names))
	for i, n := range names {
		ids[i] = opensslNames[n]
	}
	return ids, nil
}

// matching are the suites that a word of a list means.
func matching(word string) (names []string) {
	word = strings.ToUpper(word)
	switch word {
	case "ALL", "DEFAULT", "HIGH", "COMPLEMENTOFDEFAULT":
		return strongest
	}
	if _, ok := opensslNames[word]; ok {
		return []string{word}
	}
	for n := range opensslNames {
		if all(strings.Split(word, "+"), func(part string) bool { return isOf(n, part) }) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

func all(list []string, f func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !f(s) })
}

// isOf reports whether the suite has a property by OpenSSL's name for it.
func isOf(suite, property string) bool {
	parts := strings.Split(suite, "-")
	switch property {
	case "ECDHE", "EECDH", "KECDHE", "KEECDH":
		return parts[0] == "ECDHE"
	case "RSA", "KRSA":
		return parts[0] != "ECDHE" || property == "RSA" && parts[1] == "RSA"
	case "ARSA":
		return parts[0] != "ECDHE" || parts[1] == "RSA"
	case "ECDSA", "AECDSA":
		return slices.Contains(parts, "ECDSA")
	case "AES":
		return strings.Contains(suite, "AES")
	case "AESGCM":
		return slices.Contains(parts, "GCM")
	case "AES128", "AES256", "CHACHA20", "SHA256", "SHA384":
		return slices.Contains(parts, property)
	case "SHA", "SHA1":
		return parts[len(parts)-1] == "SHA"
	}
	return false
}

// suitesOf reads tls-ciphersuites: the suites of TLS 1.3 that may be used, nil: any.
func suitesOf(list string) (ids []uint16, err error) {
	for _, w := range strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		i := slices.IndexFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool {
			return s.Name == w && slices.Contains(s.SupportedVersions, tls.VersionTLS13)
		})
		if i >= 0 {
			ids = append(ids, tls.CipherSuites()[i].ID)
		}
	}
	if len(ids) == 0 && strings.TrimSpace(list) != "" {
		return nil, fmt.Errorf("none of %q is a cipher suite of TLS 1.3 that there is here", list)
	}
	return ids, nil
}

// protocols are those that may be spoken.
type protocols struct {
	list []uint16
}

var protocolNames = map[string]uint16{
	"tlsv1": tls.VersionTLS10, "tlsv1.1": tls.VersionTLS11, "tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13,
}

// protocolsOf reads tls-protocols. Without a word it is what Redis takes then: 1.2 and 1.3.
func protocolsOf(list string) (p protocols, err error) {
	for _, w := range strings.Fields(list) {
		v, ok := protocolNames[strings.ToLower(w)]
		if !ok {
			return p, fmt.Errorf("%q is no protocol: TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 are", w)
		}
		p.list = append(p.list, v)
	}
	if len(p.list) == 0 {
		p.list = []uint16{tls.VersionTLS12, tls.VersionTLS13}
	}
	return p, nil
}

// bound has a configuration speak these protocols and ciphers.
func (s *Settings) bound(c *tls.Config) error {
	p, err := protocolsOf(s.Protocols)
	if err != nil {
		return fmt.Errorf("tls-protocols: %w", err)
	}
	c.MinVersion, c.MaxVersion = slices.Min(p.list), slices.Max(p.list)
	if c.CipherSuites, err = ciphersOf(s.Ciphers); err != nil {
		return fmt.Errorf("tls-ciphers: %w", err)
	}
	suites, err := suitesOf(s.Suites)
	if err != nil {
		return fmt.Errorf("tls-ciphersuites: %w", err)
	}
	inner := c.VerifyConnection
	if inner == nil && len(suites) == 0 && int(c.MaxVersion-c.MinVersion) == len(p.list)-1 {
		return nil
	}
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		switch {
		case !slices.Contains(p.list, cs.Version):
			return fmt.Errorf("%s is not among tls-protocols", tls.VersionName(cs.Version))
		case cs.Version == tls.VersionTLS13 && len(suites) > 0 && !slices.Contains(suites, cs.CipherSuite):
			return fmt.Errorf("%s is not among tls-ciphersuites", tls.CipherSuiteName(cs.CipherSuite))
		case inner != nil:
			return inner(cs)
		}
		return nil
	}
	return nil
}

// amongNodes is why nodes with these settings could not speak with one another; nil: they can.
// crypto/tls chooses the suite of TLS 1.3 by itself, by the machines' hardware, and one that
// tls-ciphersuites does not name ends the connection. So it is asked, by a handshake in memory.
func (s *Settings) amongNodes(own *tls.Certificate) error {
	suites, err := suitesOf(s.Suites)
	if err != nil || len(suites) == 0 {
		return err
	}
	if p, err := protocolsOf(s.Protocols); err != nil || slices.Max(p.list) < tls.VersionTLS13 {
		return err
	}
	near, far := net.Pipe()
	defer far.Close()
	defer near.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{*own}, SessionTicketsDisabled: true}).Handshake()
	}()
	c := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		return fmt.Errorf("tls-ciphersuites: %w", err)
	}
	<-over
	if chosen := c.ConnectionState().CipherSuite; !slices.Contains(suites, chosen) {
		return fmt.Errorf("tls-ciphersuites: among nodes (tls-cluster, tls-replication) crypto/tls chooses %s here, which has to be named too", tls.CipherSuiteName(chosen))
	}
	return nil
}

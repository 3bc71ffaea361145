package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A directive ties a name to a value: how it is read, how it is shown. Kinds
// are made by the functions below; there is no other place that knows how a
// kind is written.
type directive struct {
	name   string
	older  []string // Redis's former names of the same thing
	def    string   // as show writes it
	isFix  bool     // CONFIG SET may not change it
	isOne  bool     // and yet it may say what is so: redis-server could change it
	lonely error    // why CONFIG SET may not change it while the node has peers, nil: it may
	isKey  bool     // a secret: no message may repeat it
	isBar  bool     // CONFIG SET needs enable-protected-configs
	file   *Str     // a secret's file; "": it was said itself
	grows  bool     // at the start, lines after the first add to it
	alone  bool     // there is one value that it may have
	hidden bool     // CONFIG GET shows it by its name, not by a pattern
	idle   string   // why it has no effect; "": it has one
	// glue joins several words of a line into the one that parse takes; ""
	// allows one word only.
	glue string
	// bare: a line of the name alone gives it the empty value.
	bare bool
	// parse checks a word and returns what stores it, so that several
	// directives can be changed together or not at all.
	parse func(word string) (store func(), err error)
	show  func() string
}

// fixed directives are read once, at the start.
func (d *directive) fixed() *directive { d.isFix = true; return d }

// settled directives are fixed, and not so in redis-server: CONFIG SET of what is so
// already is no error.
func (d *directive) settled() *directive { d.isFix, d.isOne = true, true; return d }

// lone directives say where a node is: CONFIG SET may change them as long as it has no peers, which
// know that.
func (d *directive) lone() *directive { d.lonely = errPeers; return d }

// agreed directives are what a node's peers count on.
func (d *directive) agreed() *directive { d.lonely = errQuorum; return d }

// unlisted directives are for tests: see hidden.
func unlisted(list ...*directive) []*directive {
	for _, d := range list {
		d.hidden = true
	}
	return list
}

// guarded directives are those that lead to files: see enable-protected-configs.
func (d *directive) guarded() *directive { d.isBar = true; return d }

// aka adds a name that Redis has kept from former times.
func (d *directive) aka(name string) *directive { d.older = append(d.older, name); return d }

// names are all names of the directive, the one that is written to files
// first.
func (d *directive) names() []string { return append([]string{d.name}, d.older...) }

func (d *directive) joined(glue string) *directive { d.glue = glue; return d }

// orNone directives may stand alone on a line, which is the empty value.
func (d *directive) orNone() *directive { d.bare = true; return d }

// checked adds a condition to what parse takes.
func (d *directive) checked(check func(string) error) *directive {
	inner := d.parse
	d.parse = func(word string) (func(), error) {
		if err := check(word); err != nil {
			return nil, err
		}
		return inner(word)
	}
	return d
}

// reshaped says what is stored and shown of a text.
func (d *directive) reshaped(shape func(string) (string, error)) *directive {
	inner := d.parse
	d.parse = func(word string) (func(), error) {
		shaped, err := shape(word)
		if err != nil {
			return nil, err
		}
		return inner(shaped)
	}
	return d
}

// meaning says that a word is another way to write a value.
func (d *directive) meaning(word, value string) *directive {
	return d.reshaped(func(s string) (string, error) {
		if strings.EqualFold(s, word) {
			return value, nil
		}
		return s, nil
	})
}

// Redis's words for what is wrong with an argument (config.c).
var (
	errYesNo     = errors.New("argument must be 'yes' or 'no'")
	errNotNumber = errors.New("argument couldn't be parsed into an integer")
	errNotMemory = errors.New("argument must be a memory value")
	errImmutable = errors.New("can't set immutable config")
	errSettled   = fmt.Errorf("%w: it is what it was at the start, change it in the configuration and restart the node", errImmutable)
	errQuorum    = errors.New("can't be changed while the node has peers: the log is what they acknowledge, and what a new leader is chosen by")
	errPeers     = errors.New("can't be changed while the node has peers, which reach it there: give it another address with REGENT NODE ADD, or restart it")
	//lint:ignore ST1005 redis-server's text
	errBinds     = errors.New("Too many bind addresses specified.")
	errProtected = errors.New("can't set protected config")
	errTwice     = errors.New("duplicate parameter")
	errArguments = errors.New("wrong number of arguments")
)

func between(n, least, most int64) error {
	if n < least || n > most {
		return fmt.Errorf("argument must be between %d and %d inclusive", least, most)
	}
	return nil
}

// number is a whole number within bounds.
func number(name string, v *Int, def, least, most int64) *directive {
	return &directive{name: name, def: strconv.FormatInt(def, 10),
		parse: func(word string) (func(), error) {
			n, err := strconv.ParseInt(word, 10, 64)
			if err != nil || strconv.FormatInt(n, 10) != word { // no +5, no 05
				return nil, errNotNumber
			}
			return func() { v.Set(n) }, between(n, least, most)
		},
		show: func() string { return strconv.FormatInt(v.Get(), 10) },
	}
}

// clamped takes what d takes and means the nearest value within bounds.
func clamped(d *directive, least, most int64) *directive {
	return d.reshaped(func(s string) (string, error) {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
			return s, nil // d says what is wrong
		}
		return strconv.FormatInt(min(max(n, least), most), 10), nil
	})
}

// octal is a file's permissions; 0: the system's default.
func octal(name string, v *Int, def, most int64) *directive {
	return &directive{name: name, def: strconv.FormatInt(def, 8),
		parse: func(word string) (func(), error) {
			n, err := strconv.ParseInt(word, 8, 64)
			if err != nil {
				return nil, errors.New("argument couldn't be parsed as an octal number")
			}
			if n < 0 || n > most {
				return nil, fmt.Errorf("argument must be between 0 and %o inclusive", most)
			}
			return func() { v.Set(n) }, nil
		},
		show: func() string { return strconv.FormatInt(v.Get(), 8) },
	}
}

// memory is a number of bytes, with Redis's units: 1k is 1000, 1kb 1024.
func memory(name string, v *Int, def, least, most int64) *directive {
	d := number(name, v, def, least, most)
	d.parse = func(word string) (func(), error) {
		n, ok := ParseBytes(word)
		if !ok {
			return nil, errNotMemory
		}
		return func() { v.Set(n) }, between(n, least, most)
	}
	return d
}

// ParseBytes reads an amount of memory with Redis's units: 1k is 1000 bytes, 1kb
// 1024.
func ParseBytes(word string) (int64, bool) {
	digits := strings.TrimRight(strings.ToLower(word), "bkmg")
	n, err := strconv.ParseUint(digits, 10, 63) // takes no sign
	if err != nil {
		return 0, false
	}
	unit := uint64(1)
	switch strings.ToLower(word[len(digits):]) {
	case "", "b":
	case "k":
		unit = 1000
	case "kb":
		unit = 1 << 10
	case "m":
		unit = 1000 * 1000
	case "mb":
		unit = 1 << 20
	case "g":
		unit = 1000 * 1000 * 1000
	case "gb":
		unit = 1 << 30
	default:
		return 0, false
	}
	if n > anyBytes/unit {
		return 0, false
	}
	return int64(n * unit), true
}

func yesNo(name string, v *Bool, def bool) *directive {
	d := flagged(name, v, def, "no", "yes")
	parse := d.parse
	d.parse = func(word string) (func(), error) {
		store, err := parse(word)
		if err != nil {
			err = errYesNo
		}
		return store, err
	}
	return d
}

// flagged is a switch with words of its own for off and on.
func flagged(name string, v *Bool, def bool, off, on string) *directive {
	word := func(b bool) string {
		if b {
			return on
		}
		return off
	}
	return &directive{name: name, def: word(def),
		parse: func(w string) (func(), error) {
			switch {
			case strings.EqualFold(w, on):
				return func() { v.Set(true) }, nil
			case strings.EqualFold(w, off):
				return func() { v.Set(false) }, nil
			}
			return nil, errNotAmong([]string{off, on})
		},
		show: func() string { return word(v.Get()) },
	}
}

func errNotAmong(names []string) error {
	return fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(names, ", "))
}

// choice is one of some words, held as its place among them.
func choice(name string, v *Int, def int64, names ...string) *directive {
	return &directive{name: name, def: names[def],
		parse: func(word string) (func(), error) {
			for i, n := range names {
				if strings.EqualFold(word, n) {
					return func() { v.Set(int64(i)) }, nil
				}
			}
			return nil, errNotAmong(names)
		},
		show: func() string { return names[v.Get()] },
	}
}

// anyOf is none or some of some words, held as bits; def is the word for none.
func anyOf(name string, v *Int, def string, names ...string) *directive {
	all := append([]string{def}, names...)
	return &directive{name: name, def: def, glue: " ",
		parse: func(word string) (func(), error) {
			var flags int64
			for w := range strings.SplitSeq(word, " ") {
				at := slices.IndexFunc(all, func(n string) bool { return strings.EqualFold(n, w) })
				if at < 0 {
					return nil, errNotAmong(all)
				}
				flags |= 1 << at >> 1
			}
			return func() { v.Set(flags) }, nil
		},
		show: func() string {
			var on []string
			for i, n := range names {
				if v.Get()&(1<<i) != 0 {
					on = append(on, n)
				}
			}
			if len(on) == 0 {
				return def
			}
			return strings.Join(on, " ")
		},
	}
}

// words is one of some words, held as text.
func words(name string, v *Str, def string, names ...string) *directive {
	d := text(name, v, def)
	d.parse = func(word string) (func(), error) {
		for _, n := range names {
			if strings.EqualFold(word, n) {
				return func() { v.Set(n) }, nil
			}
		}
		return nil, errNotAmong(names)
	}
	return d
}

func text(name string, v *Str, def string) *directive {
	return &directive{name: name, def: def,
		parse: func(word string) (func(), error) { return func() { v.Set(word) }, nil },
		show:  v.Get,
	}
}

// fileName is the name of a file or folder in the data directory, which it
// must not lead out of.
func fileName(name string, v *Str, def string) *directive {
	return text(name, v, def).checked(func(s string) error {
		switch {
		case s == "":
			return fmt.Errorf("%s can't be empty", name)
		case s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00"):
			return fmt.Errorf("%s can't be a path, just a filename", name)
		}
		return nil
	})
}

func secret(name string, v *Str) *directive {
	d := text(name, v, "")
	d.isKey = true
	return d
}

// only is a directive of Redis's that has one value here, because that is how
// Regent always works: files and scripts that say so are understood, and others
// learn why not.
func only(name, value, why string) *directive {
	return &directive{name: name, def: value, alone: true,
		parse: func(word string) (func(), error) {
			if !strings.EqualFold(word, value) {
				return nil, fmt.Errorf("argument must be '%s': %s", value, why)
			}
			return func() {}, nil
		},
		show: func() string { return value },
	}
}

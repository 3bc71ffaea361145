package cli

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chzyer/readline"

	"regent/resp"
	"regent/resp/secure"
)

// passwordEnv is where redis-cli looks for a password too.
const passwordEnv = "REDISCLI_AUTH"

// fakeTTYEnv makes output that is no terminal look as on one, as redis-cli's
// tests do.
const fakeTTYEnv = "FAKETTY"

const (
	defaultPort     = 6379
	defaultPatience = 15 * time.Second
	// defaultPipeTimeout is how long --pipe waits for a reply after the last
	// byte was sent.
	defaultPipeTimeout = 30 * time.Second
)

// A mode is a special task instead of commands.
type mode uint8

const (
	modeCommands mode = iota
	modeScan
	modeBigKeys
	modeMemKeys
	modeHotKeys
	modeStat
	modeLatency
	modeLatencyHistory
	modePipe
)

// options are the command line's, redis-cli's where it has them.
type options struct {
	host   string
	port   int
	socket string

	user, password string
	askPassword    bool
	passwordShown  bool // on the command line, where ps shows it
	noAuthWarning  bool

	db     int
	proto  int  // 2, 3, or 0: as the server begins
	follow bool // MOVED, and to another node while an election lasts
	// patience is how long an election is waited for.
	patience time.Duration

	format
	errorExit bool
	pushes    bool // show RESP3's out-of-band messages
	verbose   bool

	repeat   int64 // negative: for ever
	interval time.Duration

	lastFromStdin bool   // -x
	stdinTag      string // -X
	quotedInput   bool
	evalFile      string

	tls      bool
	sni      string // "": no name is asked for
	insecure bool   // whoever the server is
	secure   secure.Settings

	mode        mode
	pattern     string
	count       int
	memSamples  int // 0: the server's default
	pipeTimeout time.Duration
}

func defaults(t Tool) options {
	out, isFile := t.Out.(*os.File)
	tty := isFile && isTerminal(out) || t.Getenv(fakeTTYEnv) != ""
	o := options{
		host: "127.0.0.1", port: defaultPort, follow: true, patience: defaultPatience, repeat: 1,
		pipeTimeout: defaultPipeTimeout, pushes: tty,
		format: format{style: styleRaw, between: "\n", after: "\n"},
	}
	if tty {
		o.style = styleTyped
	}
	return o
}

func isTerminal(f *os.File) bool { return readline.IsTerminal(int(f.Fd())) }

var (
	errHelp    = errors.New("help")
	errVersion = errors.New("version")
)

// A setting is an option: with a value if set takes one.
type setting struct {
	flag  func(*options)
	value func(*options, string) error
}

// parse reads options up to the first word that is none, and returns the words
// from there on.
func (o *options) parse(args []string) ([]string, error) {
	known := settings()
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		name := args[0]
		s, ok := known[name]
		switch {
		case name == "--help" || name == "-h" && len(args) == 1:
			return nil, errHelp
		case name == "--version" || name == "-v":
			return nil, errVersion
		case !ok || s.value != nil && len(args) == 1:
			if instead, ok := elsewhere()[name]; ok {
				return nil, fmt.Errorf("'%s' is not there: %s", name, instead)
			}
			//lint:ignore ST1005 what redis-cli prints
			return nil, fmt.Errorf("Unrecognized option or bad number of args for: '%s'", name)
		case s.value == nil:
			s.flag(o)
			args = args[1:]
		default:
			if err := s.value(o, args[1]); err != nil {
				return nil, err
			}
			args = args[2:]
		}
	}
	if o.lastFromStdin && o.stdinTag != "" {
		//lint:ignore ST1005 what redis-cli prints
		return nil, errors.New("Options -x and -X are mutually exclusive.")
	}
	if (o.style == styleJSON || o.style == styleQuotedJSON) && o.proto == 0 {
		o.proto = 3
	}
	return args, nil
}

// elsewhere are redis-cli's options for what is done otherwise here.
func elsewhere() map[string]string {
	return map[string]string{
		"--rdb": "use regent backup", "--functions-rdb": "there are no functions yet", "--replica": "use regent backup", "--slave": "use regent backup",
		"--cluster":  "the nodes arrange themselves; REGENT NODE ADD and REMOVE change which there are",
		"--lru-test": "redis-cli has it", "--intrinsic-latency": "redis-cli has it", "--latency-dist": "use --latency-history",
		"--ldb": "there is no debugger for scripts", "--ldb-sync-mode": "there is no debugger for scripts",
	}
}

func flagOf(f func(*options)) setting                { return setting{flag: f} }
func valueOf(f func(*options, string) error) setting { return setting{value: f} }
func modeOf(m mode) setting                          { return flagOf(func(o *options) { o.mode = m }) }
func styleOf(s style) setting                        { return flagOf(func(o *options) { o.style = s }) }
func textOf(where func(*options) *string) setting {
	return valueOf(func(o *options, v string) error { *where(o) = v; return nil })
}

// settings are the options by name.
func settings() map[string]setting {
	password := valueOf(func(o *options, v string) error { o.password, o.passwordShown = v, true; return nil })
	all := map[string]setting{
		"-h": textOf(func(o *options) *string { return &o.host }),
		"-s": textOf(func(o *options) *string { return &o.socket }),
		"-p": valueOf(func(o *options, v string) (err error) { o.port, err = number("-p", v, 0, 65535); return err }),
		"-n": valueOf(func(o *options, v string) (err error) { o.db, err = number("-n", v, 0, 1<<31-1); return err }),
		"-u": valueOf((*options).uri),
		"-a": password, "--pass": password,
		"--user":             textOf(func(o *options) *string { return &o.user }),
		"--tls":              flagOf(func(o *options) { o.tls = true }),
		"--insecure":         flagOf(func(o *options) { o.insecure = true }),
		"--sni":              textOf(func(o *options) *string { return &o.sni }),
		"--cert":             textOf(func(o *options) *string { return &o.secure.CertFile }),
		"--key":              textOf(func(o *options) *string { return &o.secure.KeyFile }),
		"--cacert":           textOf(func(o *options) *string { return &o.secure.CAFile }),
		"--cacertdir":        textOf(func(o *options) *string { return &o.secure.CADir }),
		"--tls-ciphers":      textOf(func(o *options) *string { return &o.secure.Ciphers }),
		"--tls-ciphersuites": textOf(func(o *options) *string { return &o.secure.Suites }),
		"--askpass":          flagOf(func(o *options) { o.askPassword = true }),
		"--no-auth-warning":  flagOf(func(o *options) { o.noAuthWarning = true }),
		"-2":                 flagOf(func(o *options) { o.proto = 2 }),
		"-3":                 flagOf(func(o *options) { o.proto = 3 }),
		"-c":                 flagOf(func(o *options) { o.follow = true }),
		"-e":                 flagOf(func(o *options) { o.errorExit = true }),
		"--verbose":          flagOf(func(o *options) { o.verbose = true }),
		"--patience":         valueOf((*options).setPatience),
		"--stay":             flagOf(func(o *options) { o.follow = false }),
		"-x":                 flagOf(func(o *options) { o.lastFromStdin = true }),
		"-X":                 textOf(func(o *options) *string { return &o.stdinTag }),
		"-r":                 valueOf(func(o *options, v string) error { o.repeat, _ = strconv.ParseInt(v, 10, 64); return nil }),
		"-i":                 valueOf(func(o *options, v string) error { o.interval = seconds(v); return nil }),
		"--quoted-input":     flagOf(func(o *options) { o.quotedInput = true }),
		"--eval":             textOf(func(o *options) *string { return &o.evalFile }),
	}
	for name, s := range formatSettings() {
		all[name] = s
	}
	for name, s := range modeSettings() {
		all[name] = s
	}
	all["-stay"], all["-patience"] = all["--stay"], all["--patience"]
	return all
}

func formatSettings() map[string]setting {
	return map[string]setting{
		"--raw":         styleOf(styleRaw),
		"--no-raw":      styleOf(styleTyped),
		"--csv":         styleOf(styleCSV),
		"--json":        styleOf(styleJSON),
		"--quoted-json": styleOf(styleQuotedJSON),
		"-d":            textOf(func(o *options) *string { return &o.between }),
		"-D":            textOf(func(o *options) *string { return &o.after }),
		"--show-pushes": valueOf(func(o *options, v string) error { o.pushes = !strings.HasPrefix(strings.ToLower(v), "n"); return nil }),
	}
}

func modeSettings() map[string]setting {
	return map[string]setting{
		"--scan":            modeOf(modeScan),
		"--bigkeys":         modeOf(modeBigKeys),
		"--memkeys":         modeOf(modeMemKeys),
		"--hotkeys":         modeOf(modeHotKeys),
		"--stat":            modeOf(modeStat),
		"--latency":         modeOf(modeLatency),
		"--latency-history": modeOf(modeLatencyHistory),
		"--pipe":            modeOf(modePipe),
		"--pattern":         textOf(func(o *options) *string { return &o.pattern }),
		"--quoted-pattern":  valueOf(func(o *options, v string) (err error) { o.pattern, err = unquote(v); return err }),
		"--count":           valueOf(func(o *options, v string) (err error) { o.count, err = number("--count", v, 1, 1<<31-1); return err }),
		"--memkeys-samples": valueOf(func(o *options, v string) (err error) {
			o.mode = modeMemKeys
			o.memSamples, err = number("--memkeys-samples", v, 0, 1<<31-1)
			return err
		}),
		"--pipe-timeout": valueOf(func(o *options, v string) error {
			n, err := number("--pipe-timeout", v, 0, 1<<31-1)
			o.pipeTimeout = time.Duration(n) * time.Second
			return err
		}),
	}
}

func number(name, text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s %q: a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// seconds reads a number of seconds as C's atof does: what is none is 0.
func seconds(text string) time.Duration {
	s, err := strconv.ParseFloat(text, 64)
	const most = 1e9
	if err != nil || !(s > 0) || s > most {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

func (o *options) setPatience(text string) (err error) {
	if o.patience, err = time.ParseDuration(text); err != nil {
		err = fmt.Errorf("--patience: %w", err)
	}
	return err
}

// uri reads redis://user:password@host:port/db.
func (o *options) uri(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("-u: %w", err)
	}
	switch strings.ToLower(u.Scheme) {
	case "redis", "regent":
	case "rediss":
		o.tls = true
	default:
		//lint:ignore ST1005 what redis-cli prints
		return errors.New("Invalid URI scheme")
	}
	if u.User != nil {
		o.passwordShown = true
		if password, both := u.User.Password(); both {
			o.user, o.password = u.User.Username(), password
		} else {
			o.password = u.User.Username()
		}
	}
	if u.Hostname() != "" {
		o.host = u.Hostname()
	}
	if u.Port() != "" {
		if o.port, err = number("-u", u.Port(), 0, 65535); err != nil {
			return err
		}
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		o.db, err = number("-u", db, 0, 1<<31-1)
	}
	return err
}

// unquote reads one word as the prompt would.
func unquote(text string) (string, error) {
	words, err := resp.SplitWords([]byte(text))
	if err != nil || len(words) != 1 {
		//lint:ignore ST1005 what redis-cli prints
		return "", errors.New("Invalid quoted string")
	}
	return string(words[0]), nil
}

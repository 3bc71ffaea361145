package lua

import (
	"fmt"
	"strings"
	"testing"
)

// show is a call as the tests say it: KEY is an element of KEYS, ... any number of arguments, and
// _ what is not known.
func (c *Call) show() string {
	var words []string
	for i, a := range c.Args {
		word := "_"
		if a.Declared {
			word = "KEY"
		} else if a.Known {
			word = a.Text
		}
		if c.Open && i == len(c.Args)-1 {
			word += "..."
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// TestTrace: what is found of a source's calls; "-": nothing is certain.
func TestTrace(t *testing.T) {
	for source, want := range map[string]string{
		"return 1":                                                                    "",
		"return redis.call('get', KEYS[1])":                                           "get KEY",
		"redis.call('set', KEYS[2], ARGV[1])":                                         "set KEY _",
		"return redis.pcall('get', KEYS[ARGV[1]])":                                    "get KEY",
		"local k = KEYS[1] return redis.call('get', k)":                               "get KEY",
		"local k = 'x' return redis.call('get', k)":                                   "get _",
		"local k, n = KEYS[1], 1 redis.call('incrby', k, n)":                          "incrby KEY _",
		"local a, b = unpack(KEYS) redis.call('rename', a, b)":                        "rename KEY KEY",
		"local a, b = f(), KEYS[1] redis.call('rename', a, b)":                        "rename _ KEY",
		"local a, b = KEYS[1], f() redis.call('rename', a, b)":                        "rename KEY _",
		"for i, k in ipairs(KEYS) do redis.call('del', k, i) end":                     "del KEY _",
		"for _, k in pairs(KEYS) do redis.call('del', k) end":                         "del KEY",
		"for _, k in ipairs(ARGV) do redis.call('del', k) end":                        "del _",
		"for k in f(KEYS[1]) do redis.call('del', k) end":                             "del _",
		"for i = 1, #KEYS do redis.call('del', KEYS[i]) end":                          "del KEY",
		"return redis.call('del', unpack(KEYS))":                                      "del KEY...",
		"return redis.call('del', (unpack(KEYS)))":                                    "del KEY",
		"return redis.call('sadd', KEYS[1], unpack(ARGV))":                            "sadd KEY _...",
		"return redis.call('set', KEYS[1], redis.call('get', KEYS[2]))":               "get KEY; set KEY _...",
		"return redis.call(ARGV[1], KEYS[1])":                                         "_ KEY",
		"return redis.call('get', KEYS[1] .. ':x')":                                   "get _",
		"return redis.sha1hex(KEYS[1])":                                               "",
		"local function get(k) return redis.call('get', k) end return get(KEYS[1])":   "get _",
		"local function f() return redis.call('get', KEYS[1]) end return f()":         "get KEY",
		"local k = KEYS[1] do local k = ARGV[1] redis.call('get', k) end":             "get _",
		"local k = KEYS[1] local f = function(k) redis.call('get', k) end":            "get _",
		"local k = KEYS[1] for k = 1, 2 do redis.call('get', k) end":                  "get _",
		"local t = {KEYS[1]} redis.call('get', t[1])":                                 "get _",
		"local k = KEYS[1] redis.call('get', k) k = 'x'":                              "-",
		"local k = KEYS[1] local f = function() k = 'x' end f() redis.call('get', k)": "-",
		"local k = KEYS[1] function k() end redis.call('get', k)":                     "-",
		"KEYS[1] = 'x' return redis.call('get', KEYS[1])":                             "-",
		"KEYS.x.y = 'x'": "",
		"local t = KEYS t[1] = 'x' return redis.call('get', KEYS[1])":            "-",
		"table.insert(KEYS, 'x') return redis.call('get', KEYS[2])":              "-",
		"rawset(KEYS, 1, 'x') return redis.call('get', KEYS[1])":                 "-",
		"local f, t = ipairs(KEYS) t[1] = 'x' return redis.call('get', KEYS[1])": "-",
		"for k, v in next, KEYS do redis.call('get', v) end":                     "-",
		"for i, v in ipairs(KEYS, f) do redis.call('get', v) end":                "-",
		"return {KEYS}": "-",
		"return KEYS":   "-",
		"_G.KEYS[1] = 'x' return redis.call('get', KEYS[1])":                            "-",
		"local KEYS = {'x'} return redis.call('get', KEYS[1])":                          "-",
		"local function f(KEYS) return redis.call('get', KEYS[1]) end return f({'x'})":  "-",
		"local ipairs = f for i, k in ipairs(KEYS) do redis.call('get', k) end":         "-",
		"local function unpack() return 'x' end return redis.call('get', unpack(KEYS))": "-",
		"local call = redis.call return call('get', 'x')":                               "get x",
		"local n, call = 1, redis.call call('get', KEYS[n]) call('del', KEYS[2])":       "get KEY; del KEY",
		"local pcall = redis.pcall return pcall('get', KEYS[1])":                        "get KEY",
		"local call = redis.call local function f() return call('get', KEYS[1]) end":    "get KEY",
		"local call = redis.call call('get', 'x') call = f":                             "-",
		"local call = redis.call local function g() call = f end call('get', KEYS[1])":  "-",
		"local call = redis.call function call() end call('get', KEYS[1])":              "-",
		"local call = redis.call local c = call return c('get', KEYS[1])":               "-",
		"local call = redis.call return pcall(call, 'get', 'x')":                        "-",
		"local call = redis.call return {call}":                                         "-",
		"local call = redis.call return call":                                           "-",
		"local call = redis.call x = call":                                              "-",
		"local call = redis.call call:f()":                                              "-",
		"local call = redis.call do local call = f return call('get', 'x') end":         "",
		"do local call = redis.call end return call('get', 'x')":                        "",
		"local call = (redis.call) return call('get', KEYS[1])":                         "get KEY",
		"local call = redis.call, f() return call('get', KEYS[1])":                      "get KEY",
		"local a = f(redis.call)":                                                       "-",
		"local a = 1, redis.call":                                                       "-",
		"local call = redis.call or f return call('get', KEYS[1])":                      "-",
		"for call in redis.call do end":                                                 "-",
		"return pcall(redis.call, 'get', 'x')":                                          "-",
		"local r = redis return r.call('get', 'x')":                                     "-",
		"return redis['call']('get', 'x')":                                              "get x",
		"local n = 'call' return redis[n]('get', 'x')":                                  "-",
		"return loadstring('return redis.call(\"get\", \"x\")')()":                      "-",
		"return load(function() end)":                                                   "-",
		"return _G['redis'].call('get', 'x')":                                           "-",
		"local redis = {call = f} return redis.call('get', KEYS[1])":                    "-",
		"function redis.f() end":                                                        "-",
		"redis:call('get')":                                                             "-",
	} {
		c, err := Compile("user_script", []byte(source))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var got []string
		calls, all := c.Calls()
		for i := range calls {
			got = append(got, calls[i].show())
		}
		text := strings.Join(got, "; ")
		if !all {
			text = "-"
		}
		if text != want {
			t.Errorf("%s\nhas %q, want %q", source, text, want)
		}
	}
}

// TestLentTables: KEYS and ARGV are the next script's only after one that has let them go nowhere.
func TestLentTables(t *testing.T) {
	for source, want := range map[string]string{
		"return KEYS[1] .. ARGV[1] .. #ARGV":                       "true true",
		"for i, v in ipairs(ARGV) do f(v) end return unpack(ARGV)": "true true",
		"ARGV[1] = 'x'":                 "true false",
		"ARGV[1][2] = 'x'":              "true true",
		"return ARGV":                   "true false",
		"return KEYS":                   "false false",
		"local t = ARGV":                "true false",
		"for i, v in next, ARGV do end": "true false",
		"local ARGV = {} return ARGV":   "false false",
		"local k = KEYS[1] k = 'x' return redis.call('get', k), #ARGV":     "true true",
		"return redis.call('get', unpack(KEYS)), redis.call(unpack(ARGV))": "true true",
	} {
		c, err := Compile("user_script", []byte(source))
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if got := fmt.Sprint(c.traced.keys, c.traced.args); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

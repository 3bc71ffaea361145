package lua

import "testing"

// TestWhatMayLoop: what is not seen to end may run without end.
func TestWhatMayLoop(t *testing.T) {
	for source, want := range map[string]bool{
		"return redis.call('get', KEYS[1])":                                                  false,
		"for i = 1, 100 do redis.call('incr', KEYS[1]) end":                                  false,
		"for i = 1, #KEYS do redis.call('incr', KEYS[i]) end":                                false,
		"for i = #KEYS, 1, -2 do redis.call('incr', KEYS[i]) end":                            false,
		"for i = 1, #KEYS, 0 do end":                                                         true,
		"for i = 1, #KEYS, ARGV[1] do end":                                                   true,
		"for i = 1, ARGV[1] do end":                                                          true,
		"for i = ARGV[1], 1 do end":                                                          true,
		"for i = 1, 1e9 do end":                                                              true,
		"for i = -1e9, 1 do end":                                                             true,
		"for _, k in ipairs(KEYS) do redis.call('del', k) end":                               false,
		"while true do end":                                                                  true,
		"if x then repeat until y end":                                                       true,
		"local function f(x) return x + 1 end return f(1)":                                   false,
		"local function f(x) return string.rep(x, 2) end local function g() return f(1) end": false,
		"local function f(x) return f(x) end":                                                true,
		"local function f(x) return pcall(f) end":                                            true,
		"local f f = function() return f() end":                                              true,
		"local f local function g() return f() end f = g":                                    true,
		"local function f(g) return g(g) end":                                                true,
		"local t = {} t.f = function() return t.f() end":                                     true,
		"local t = {} function t.f() return t.f() end":                                       true,
		"local t = {} function t:f() return self:f() end":                                    true,
		"local t = {f = function(x) return 1 end} return t.f(1)":                             false,
		"local t = {f = function(t) return t.f(t) end}":                                      true,
		"local function f(s) return s:sub(1) end return f('a')":                              false,
		"return loadstring(ARGV[1])()":                                                       true,
		"return (function() return 1 end)()":                                                 false,
	} {
		c, err := Compile("x", []byte(source))
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if c.MayLoop() != want {
			t.Errorf("%s: may loop: %v", source, !want)
		}
	}
}

// TestEndsWith: where arguments say when loops end, they are asked.
func TestEndsWith(t *testing.T) {
	for _, c := range []struct {
		source string
		argv   []string
		loops  bool
		ends   bool
	}{
		{"for i = 1, tonumber(ARGV[1]) do end", []string{"5"}, false, true},
		{"for i = 1, tonumber(ARGV[1]) do end", nil, false, true},
		{"for i = 1, tonumber(ARGV[1]) do end", []string{"1000000"}, false, false},
		{"for i = 1, tonumber(ARGV[1]), -1 do end", []string{"-1000000"}, false, false},
		{"for i = 1, tonumber(ARGV[1]) do end", []string{"0xffffffff"}, false, false},
		{"for i = 1, tonumber(ARGV[1]) do end", []string{"1e9"}, false, false},
		{"for i = 1, tonumber(ARGV[2]) or 10 do end", []string{"1e9", "3"}, false, true},
		{"for i = 1, tonumber(ARGV[2]) or 1e9 do end", []string{"1", "3"}, true, true},
		{"local n = tonumber(ARGV[1]) for i = 1, n do end", []string{"5"}, false, true},
		{"local n = tonumber(ARGV[1]) for i = 1, n do end", []string{"1000000"}, false, false},
		{"local n = tonumber(ARGV[1]) n = n * 1e9 for i = 1, n do end", []string{"5"}, true, true},
		{"for i = 1, tonumber(ARGV[1]) do for j = 1, tonumber(ARGV[1]) do end end", []string{"100"}, false, true},
		{"for i = 1, tonumber(ARGV[1]) do for j = 1, tonumber(ARGV[1]) do end end", []string{"1000"}, false, false},
		{"ARGV[1] = 1e9 for i = 1, tonumber(ARGV[1]) do end", []string{"5"}, true, true},
		{"local tonumber = function() return 1e9 end for i = 1, tonumber(ARGV[1]) do end", []string{"5"}, true, true},
		{"for i = 1, tonumber(KEYS[1]) do end", []string{"5"}, true, true},
		{"for i = 1, tonumber(ARGV[x]) do end", []string{"5"}, true, true},
	} {
		chunk, err := Compile("x", []byte(c.source))
		if err != nil {
			t.Fatalf("%s: %v", c.source, err)
		}
		var argv [][]byte
		for _, a := range c.argv {
			argv = append(argv, []byte(a))
		}
		if loops := chunk.MayLoop(); loops != c.loops || !loops && chunk.EndsWith(argv) != c.ends {
			t.Errorf("%s with %q: loops %t, ends %t", c.source, c.argv, loops, chunk.EndsWith(argv))
		}
	}
}

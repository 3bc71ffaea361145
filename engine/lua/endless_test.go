package lua

import "testing"

// TestWhatMayLoop: what is not seen to end may run without end.
func TestWhatMayLoop(t *testing.T) {
	for source, want := range map[string]bool{
		"return redis.call('get', KEYS[1])":                       false,
		"for i = 1, 100 do redis.call('incr', KEYS[1]) end":       false,
		"for i = 1, #KEYS do redis.call('incr', KEYS[i]) end":     false,
		"for i = #KEYS, 1, -2 do redis.call('incr', KEYS[i]) end": false,
		"for i = 1, #KEYS, 0 do end":                              true,
		"for i = 1, #KEYS, ARGV[1] do end":                        true,
		"for i = 1, ARGV[1] do end":                               true,
		"for i = ARGV[1], 1 do end":                               true,
		"for i = 1, 1e9 do end":                                   true,
		"for i = -1e9, 1 do end":                                  true,
		"for _, k in ipairs(KEYS) do redis.call('del', k) end":    false,
		"while true do end":                                       true,
		"if x then repeat until y end":                            true,
		"::a:: goto a":                                            true,
		"local function f(x) return x + 1 end return f(1)":        false,
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

package lua

import "testing"

// TestTraceLibrary: which functions name no keys but their own, and leave nothing behind.
func TestTraceLibrary(t *testing.T) {
	const register = "redis.register_function('f', "
	for source, want := range map[string]struct{ keys, loops bool }{
		register + "function(keys, args) return redis.call('get', keys[1]) end)":                                                       {keys: true},
		register + "function(k, a) for i = 1, #k do redis.call('set', k[i], a[i]) end end)":                                            {keys: true},
		"redis.register_function{function_name = 'f', callback = function(KEYS) return redis.call('get', KEYS[1]) end}":                {keys: true},
		"local ttl = 5 local function f(k, a) return redis.call('expire', k[1], ttl) end " + register + "f)":                           {keys: true},
		"local function g(x) return x + 1 end " + register + "function(k, a) return redis.call('set', k[1], g(1)) end)":                {keys: true},
		register + "function(keys, args) return redis.call('get', args[1]) end)":                                                       {},
		register + "function(keys, args) keys[1] = args[1] return redis.call('get', keys[1]) end)":                                     {},
		register + "function(keys, args) keys = args return redis.call('get', keys[1]) end)":                                           {},
		register + "function(keys, args) local keys = args return redis.call('get', keys[1]) end)":                                     {},
		register + "function(_, _) return redis.call('get', _[1]) end)":                                                                {},
		register + "function(...) local keys = ... return redis.call('get', keys[1]) end)":                                             {},
		"local n = 0 " + register + "function(keys) n = n + 1 return redis.call('get', keys[1]) end)":                                  {},
		"local n = 0 local function g() n = n + 1 end " + register + "function(keys) g() return redis.call('get', keys[1]) end)":       {},
		"local t = {} " + register + "function(keys) t[1] = 1 return redis.call('get', keys[1]) end)":                                  {},
		"local function g(k) return redis.call('get', k) end " + register + "function(keys) return g(keys[1]) end)":                    {},
		"local keys = 1 local function g() return keys end " + register + "function(keys) return redis.call('get', keys[1], g()) end)": {},
		"for i = 1, 2 do end " + register + "function(keys) return redis.call('get', keys[1]) end)":                                    {},
		register + "function(keys) while true do redis.call('get', keys[1]) end end)":                                                  {keys: true, loops: true},
		"local function f(keys) return f(keys) end " + register + "f)":                                                                 {loops: true},
		"local function g() return g() end " + register + "function(keys) g() return redis.call('get', keys[1]) end)":                  {keys: true, loops: true},
	} {
		c, err := Compile("user_function", []byte(source))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		f := Function{Name: "f", of: c, traced: c.library["f"]}
		calls, all := f.Calls()
		keys := all
		for _, call := range calls {
			keys = keys && call.Args[1].Declared
		}
		if keys != want.keys || f.MayLoop() != want.loops {
			t.Errorf("%s: keys alone %t, loops %t; want %+v", source, keys, f.MayLoop(), want)
		}
	}
}

package config

import "math"

// scripts are the directives of Lua scripts and functions.
func (c *Config) scripts() []*directive {
	return []*directive{
		// ms after which others are answered -BUSY, 0: never
		number("busy-reply-threshold", &c.BusyReplyThreshold, 5000, 0, math.MaxInt64).aka("lua-time-limit"),
	}
}

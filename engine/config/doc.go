// Package config is Regent's configuration: one literal per directive, in
// redis.conf's syntax and with Redis's names where Redis has the thing.
//
// It parses text and holds values; it opens no file (the composition root
// does) and applies nothing (the package that uses a value reads or watches it).
//
// Every value may be read from any goroutine at any time: a value that a hot
// path reads costs one atomic load.
package config

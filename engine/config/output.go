package config

import (
	"fmt"
	"strconv"
	"strings"
)

// asRedis is an error in Redis's very words, with capitals and full stops.
type asRedis string

func (e asRedis) Error() string { return string(e) }

// outputClass is a class of clients in client-output-buffer-limit: hard and
// soft bytes, soft seconds.
type outputClass struct {
	name                string
	hard, soft, seconds *Int
}

// outputLimits is client-output-buffer-limit: "class hard soft seconds", once
// or several times; classes that are not named keep their limits.
func (c *Config) outputLimits() *directive {
	classes := []outputClass{
		{"normal", &c.OutputHardNormal, &c.OutputSoftNormal, &c.OutputSoftSecondsNormal},
		{"slave", &c.OutputHardReplica, &c.OutputSoftReplica, &c.OutputSoftSecondsReplica},
		{"pubsub", &c.OutputHardPubsub, &c.OutputSoftPubsub, &c.OutputSoftSecondsPubsub},
	}
	d := &directive{name: "client-output-buffer-limit", glue: " ", bare: true,
		def: "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"}
	d.parse = func(line string) (func(), error) {
		if line == "" {
			return func() {}, nil
		}
		return parseOutput(classes, strings.Split(line, " "))
	}
	d.show = func() string {
		var parts []string
		for _, k := range classes {
			parts = append(parts, fmt.Sprintf("%s %d %d %d", k.name, k.hard.Get(), k.soft.Get(), k.seconds.Get()))
		}
		return strings.Join(parts, " ")
	}
	return d
}

func parseOutput(classes []outputClass, f []string) (func(), error) {
	if len(f)%4 != 0 {
		return nil, asRedis("Wrong number of arguments in buffer limit configuration.")
	}
	var stores []func()
	for ; len(f) > 0; f = f[4:] {
		class := outputClassNamed(classes, f[0])
		if class == nil {
			return nil, asRedis("Invalid client class specified in buffer limit configuration.")
		}
		hard, ok1 := ParseBytes(f[1])
		soft, ok2 := ParseBytes(f[2])
		seconds, err := strconv.ParseInt(f[3], 10, 64)
		if !ok1 || !ok2 || err != nil || seconds < 0 {
			return nil, asRedis("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		stores = append(stores, func() {
			class.hard.Set(hard)
			class.soft.Set(soft)
			class.seconds.Set(seconds)
		})
	}
	return func() {
		for _, store := range stores {
			store()
		}
	}, nil
}

func outputClassNamed(classes []outputClass, name string) *outputClass {
	if strings.EqualFold(name, "replica") {
		name = "slave"
	}
	for i := range classes {
		if strings.EqualFold(classes[i].name, name) {
			return &classes[i]
		}
	}
	return nil
}

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is measured: families, cells, and three plans of different length.

// A family is one kind of command; a type of value that is added joins by a
// line here. {key} is drawn at random for each request, {n} is a number drawn like its
// digits, and {} stands for a value of the size asked for. before, if there is one, is carried out for each
// key before the family is measured: there it is written once.
type family struct {
	work
	keys int // how many different ones, at most
}

// A work is what a family does.
type work struct{ name, command, before string }

func families() []family {
	const (
		set  = "SET {key} {}"
		hash = "HSET {key} a {} b {} c {}"
		zset = "ZADD {key} 1 a 2 b 3 c 4 d 5 e"
		rank = "ZADD ranked {n} {key}"
		town = "GEOADD {key} 13.36 38.11 a 13.37 38.12 b 13.40 38.15 c 13.90 38.50 d 15.08 37.50 e"
	)
	// So many that they last: of an empty list a pop does less.
	hotStack := "RPUSH hotstack" + strings.Repeat(" {}", 50)
	numbers := "SADD {key}" // a hundred, the same at every key
	for i := range 100 {
		numbers += " " + strconv.Itoa(7*i)
	}
	texts := "SADD {key}"
	for i := range 100 {
		texts += fmt.Sprint(" member:", i)
	}
	list := []work{
		{"get", "GET {key}", set},
		{"set", "SET {key} {}", ""},
		{"incr", "INCR counter:{key}", ""},
		{"mset", "MSET a:{key} {} b:{key} {} c:{key} {} d:{key} {}", ""},
		{"mget", "MGET {key} {key} {key} {key}", set},
		{"setex", "SET {key} {} EX 1000", ""},
		{"expire", "EXPIRE {key} 1000", set},
		{"getrange", "GETRANGE {key} 0 9", set},
		{"append", "APPEND log:{key} x", ""},
		{"exists", "EXISTS {key}", set},
		{"del", "DEL {key}", ""},
		{"setbit", "SETBIT {key} 100 1", ""},
		{"getbit", "GETBIT {key} 100", set},
		{"bitcount", "BITCOUNT {key}", set},
		{"bitfield", "BITFIELD {key} INCRBY u16 #1 1", set},
		{"pfadd", "PFADD {key} {key}", "PFADD {key} a b c"},
		{"pfcount", "PFCOUNT {key}", "PFADD {key} a b c"},
		{"dump", "DUMP {key}", set},
		{"sort", "SORT {key} LIMIT 0 10", "RPUSH {key} 9 3 7 1 5 8 2 6 4 10"},
		{"bitop", "BITOP AND to:{key} {key} {key}", set},
		{"bitpos", "BITPOS {key} 1", set},
		{"pfmerge", "PFMERGE to:{key} {key}", "PFADD {key} a b c"},
		{"incrbyfloat", "INCRBYFLOAT float:{key} 0.1", ""},
		{"ping", "PING", ""},
		{"hset", "HSET {key} a {} b {} c {}", ""},
		{"hget", "HGET {key} b", hash},
		{"hgetall", "HGETALL {key}", hash},
		{"hincrby", "HINCRBY n:{key} a 1", ""},
		{"lpush", "LPUSH {key} {}", ""},
		{"lpop", "LPOP {key}", "RPUSH {key} {} {} {} {} {}"},
		{"lmove", "LMOVE {key} {key} LEFT RIGHT", "RPUSH {key} {} {} {} {} {}"},
		{"lrange", "LRANGE {key} 0 9", "RPUSH {key} {} {} {} {} {}"},
		{"sadd", "SADD {key} a b c {}", ""},
		{"sismember", "SISMEMBER {key} b", "SADD {key} a b c d e"},
		{"sinter", "SINTER {key} {key}", numbers},
		{"sintercard", "SINTERCARD 2 {key} {key}", numbers},
		{"sunion", "SUNION {key} {key}", numbers},
		{"sdiff", "SDIFF {key} {key}", numbers},
		{"sinter-text", "SINTER {key} {key}", texts},
		{"sintercard-text", "SINTERCARD 2 {key} {key}", texts},
		{"sunion-text", "SUNION {key} {key}", texts},
		{"sdiff-text", "SDIFF {key} {key}", texts},
		{"sscan", "SSCAN {key} 0", numbers},
		{"scan", "SCAN {n}", set},
		{"dbsize", "DBSIZE", set},
		{"randomkey", "RANDOMKEY", set},
		{"info", "INFO", ""},
		{"client-list", "CLIENT LIST", ""},
		{"config-get", "CONFIG GET maxmemory", ""},
		{"zadd", "ZADD {key} {n} a {n} b", ""},
		{"zincrby", "ZINCRBY z:{key} 1 a", ""},
		{"zscore", "ZSCORE {key} b", zset},
		{"zrank", "ZRANK {key} d", zset},
		{"zrange", "ZRANGE {key} 0 -1", zset},
		{"zpopmin", "ZPOPMIN {key}", zset},
		{"geoadd", "GEOADD {key} 13.361389 38.115556 a", ""},
		{"geosearch", "GEOSEARCH {key} FROMLONLAT 13.36 38.11 BYRADIUS 10 km ASC", town},
		{"xadd", "XADD {key} MAXLEN ~ 100 * a {} b {n}", ""},
		{"xrange", "XRANGE {key} - + COUNT 10", "XADD {key} * a {} b {n}"},
		{"xread", "XREAD COUNT 10 STREAMS {key} 0", "XADD {key} * a {} b {n}"},
		{"xreadgroup", "XREADGROUP GROUP g c COUNT 10 STREAMS {key} >", "XGROUP CREATE {key} g $ MKSTREAM"},
		{"xack", "XACK {key} g 1-{n}", "XGROUP CREATE {key} g $ MKSTREAM"},
		// Scripts, whose words are not apart by spaces here.
		{"eval", "EVAL redis.call('set',KEYS[1],ARGV[1])return(redis.call('get',KEYS[1])) 1 {key} {}", ""},
		{"eval-loop", "EVAL for--[[]]i=1,10000--[[]]do--[[]]redis.call('incr',KEYS[1])end 1 {key}", ""},
		// The same on one key.
		{"incr-hot", "INCR one", ""},
		{"append-hot", "APPEND log x", ""},
		{"mget-hot", "MGET k0 k1 k2 k3 k4 k5 k6 k7 k8 k9", "MSET k0 {} k1 {} k2 {} k3 {} k4 {} k5 {} k6 {} k7 {} k8 {} k9 {}"},
		{"mset-hot", "MSET k0 {} k1 {} k2 {} k3 {} k4 {} k5 {} k6 {} k7 {} k8 {} k9 {}", ""},
		{"hset-hot", "HSET hot {key} {}", ""},
		{"hincrby-hot", "HINCRBY counters {key} 1", ""},
		{"lpush-hot", "LPUSH hotlist {}", ""},
		{"rpush-hot", "RPUSH hotqueue {}", ""},
		{"lpop-hot", "LPOP hotstack", hotStack},
		{"rpop-hot", "RPOP hotstack", hotStack},
		{"del-hot", "DEL nothing", ""},
		{"sadd-hot", "SADD hotset {key}", ""},
		{"zadd-hot", "ZADD ranked {n} {key}", rank},
		{"zincrby-hot", "ZINCRBY ranked 1 {key}", rank},
		{"zscore-hot", "ZSCORE ranked {key}", rank},
		{"zrank-hot", "ZRANK ranked {key}", rank},
		{"zrange-hot", "ZRANGEBYSCORE ranked {n} inf LIMIT 0 10", rank},
		{"zpopmin-hot", "ZPOPMIN ranked", rank},
		{"geoadd-hot", "GEOADD world {n}e-5 {n}e-5 {key}", ""},
		{"geosearch-hot", "GEOSEARCH world FROMLONLAT {n}e-5 {n}e-5 BYRADIUS 1 km COUNT 10 ANY", "GEOADD world {n}e-5 {n}e-5 {key}"},
		{"xadd-hot", "XADD events * a {} b {n}", ""},
		{"xrange-hot", "XREVRANGE events + - COUNT 10", "XADD events * a {} b {n}"},
	}
	var all []family
	for _, l := range list {
		all = append(all, family{l, mostKeys})
	}
	return append(all, millions()...)
}

// millions are commands on one sorted set of a million members.
func millions() []family {
	const fill, members = "ZADD million {n} {key}", 1_000_000
	return []family{
		{work{"zadd-million", fill, fill}, members},
		{work{"zrank-million", "ZRANK million {key}", fill}, members},
		{work{"zrange-million", "ZRANGE million 500000 500009", fill}, members},
		{work{"zrangebyscore-million", "ZRANGEBYSCORE million {n} inf LIMIT 0 10", fill}, members},
	}
}

func familyNames() (names []string) {
	for _, f := range families() {
		names = append(names, f.name)
	}
	return names
}

func familyNamed(name string) family {
	i := slices.IndexFunc(families(), func(f family) bool { return f.name == name })
	return families()[i]
}

// randomKey is how redis-benchmark names keys: twelve digits, randomNumber.
const (
	randomKey    = "key:" + randomNumber
	randomNumber = "__rand_int__"
)

// fillIn are a command's words with key, number and value put in.
func fillIn(command, key, number, value string) []string {
	return strings.Fields(strings.NewReplacer("{key}", key, "{n}", number, "{}", value).Replace(command))
}

// A cell is what one round is made of.
type cell struct {
	family  family
	size    int // bytes
	clients int
	depth   int
}

// A grid is cells under one kind of persistence: each with each.
type grid struct {
	fsync    string
	families []string
	sizes    []int
	clients  []int
	depths   []int
}

func (g grid) cells() (out []cell) {
	for _, name := range g.families {
		for _, size := range g.sizes {
			for _, clients := range g.clients {
				for _, depth := range g.depths {
					out = append(out, cell{familyNamed(name), size, clients, depth})
				}
			}
		}
	}
	return out
}

// A plan is how much of everything is measured. It is over within its budget,
// or fails.
type plan struct {
	rounds int
	slice  time.Duration // for how long a server is under load at a time
	grids  []grid
	memoryKeys,
	loadKeys,
	rewriteKeys,
	stallKeys, // 0: no stalls
	pauseKeys int
	idle   int // connections
	budget time.Duration
}

// plans are by name: "", the default, is what must hold.
func plans() map[string]plan {
	getSet, all := []string{"get", "set"}, familyNames()
	others := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(getSet, name) })
	small, middle, deep := []int{64}, []int{50}, []int{1, 16, 64}
	must := []grid{
		{"off", getSet, small, middle, deep},
		{"off", getSet, []int{16 << 10, 64 << 10, 256 << 10, 1 << 20}, middle, []int{1, 16}},
		{"everysec", []string{"set"}, small, middle, deep},
		{"always", []string{"set"}, small, middle, []int{1, 16}},
		{"off", []string{"set"}, small, []int{10}, []int{1}},
	}
	return map[string]plan{
		"": {3, 100 * time.Millisecond, must, 2_000_000, 2_000_000, 5_000_000, 8_000_000, 10_000_000, 5000, 70 * time.Minute},
		"quick": {2, 100 * time.Millisecond, []grid{
			{"off", getSet, small, middle, deep}, {"everysec", []string{"set"}, small, middle, []int{16}}, {"always", []string{"set"}, small, middle, []int{1}},
		}, 300_000, 300_000, 500_000, 0, 500_000, 1000, 5 * time.Minute},
		"full": {3, 100 * time.Millisecond, []grid{
			{"off", getSet, []int{64, 1024, 16384}, []int{1, 50, 500}, deep}, {"off", others, small, middle, deep}, must[1], must[2], must[3],
		}, 2_000_000, 2_000_000, 5_000_000, 8_000_000, 10_000_000, 5000, 100 * time.Minute},
	}
}

// limit leaves what the flags ask for.
func (p *plan) limit(o *options) error {
	if o.rounds > 0 {
		p.rounds = o.rounds
	}
	for _, name := range o.families {
		if !slices.Contains(familyNames(), name) {
			return fmt.Errorf("-families: %q is not among %v", name, familyNames())
		}
	}
	var kept []grid
	for _, g := range p.grids {
		if len(o.fsyncs) > 0 && !slices.Contains(o.fsyncs, g.fsync) {
			continue
		}
		if len(o.families) > 0 {
			g.families = o.families
		}
		for _, list := range []struct {
			asked []int
			into  *[]int
		}{{o.clients, &g.clients}, {o.depths, &g.depths}, {o.sizes, &g.sizes}} {
			if len(list.asked) > 0 {
				*list.into = list.asked
			}
		}
		kept = append(kept, g)
	}
	p.grids = kept
	for _, n := range []struct {
		asked int
		into  *int
	}{{o.keys, &p.memoryKeys}, {o.keys, &p.loadKeys}, {o.keys, &p.rewriteKeys}, {o.keys, &p.stallKeys}, {o.keys, &p.pauseKeys}, {o.idle, &p.idle}} {
		if n.asked > 0 {
			*n.into = n.asked
		}
	}
	return nil
}

package engine

import (
	"math"

	"regent/engine/config"
	"regent/engine/rdb"
)

// The 24 bits that an entry remembers of its use (evict.c, "LRU" and "LFU"):
//
//	LRU      seconds, modulo 2^24: 194 days until an idle key seems young again
//	LFU      | minutes of the last decay, 16 bits | logarithmic counter, 8 bits |
//
// Which of them is meant follows from maxmemory-policy, as in Redis.

const (
	accessBits  = 24
	accessMask  = 1<<accessBits - 1
	lfuInit     = 5 // a new key's counter: not the first to go
	lfuMax      = 255
	minutesMask = 1<<16 - 1
)

// usesLFU reports whether the policy counts how often keys are used.
func (e *Engine) usesLFU() bool {
	p := e.Config.MaxMemoryPolicy.Get()
	return p == config.AllKeysLFU || p == config.VolatileLFU
}

// lruNow is the LRU clock at the wall ms now.
func lruNow(now int64) uint32 { return uint32(now/1000) & accessMask }

// idleSeconds is for how long an entry with these bits was not used.
func idleSeconds(access uint32, now int64) int64 {
	return int64((lruNow(now) - access) & accessMask)
}

// accessed returns the bits of an entry that is used now, old being those it
// has; fresh means that it is new.
func (e *Engine) accessed(old uint32, now int64, fresh bool) uint32 {
	if !e.usesLFU() {
		return lruNow(now)
	}
	minutes := uint32(now/60000) & minutesMask
	if fresh {
		return minutes<<8 | lfuInit
	}
	return minutes<<8 | e.lfuUp(e.lfuDecayed(old, now))
}

// lfuDecayed is the counter less one for every lfu-decay-time minutes that
// have passed.
func (e *Engine) lfuDecayed(access uint32, now int64) uint32 {
	counter := access & lfuMax
	decay := e.Config.LFUDecayTime.Get()
	if decay == 0 {
		return counter
	}
	passed := int64((uint32(now/60000) - access>>8) & minutesMask)
	return uint32(max(int64(counter)-passed/decay, 0))
}

// lfuUp counts a use: the higher the counter, the less likely it rises.
func (e *Engine) lfuUp(counter uint32) uint32 {
	if counter == lfuMax {
		return counter
	}
	base := max(float64(counter)-lfuInit, 0)
	p := 1 / (base*float64(e.Config.LFULogFactor.Get()) + 1)
	if float64(e.host.Rand()>>11)/(1<<53) < p {
		counter++
	}
	return counter
}

// worth orders entries for eviction: the one with the lowest goes first.
func (e *Engine) worth(en Entry, now int64) int64 {
	switch e.Config.MaxMemoryPolicy.Get() {
	case config.VolatileTTL:
		return en.ExpireAt()
	case config.AllKeysLFU, config.VolatileLFU:
		// Of two that are used as often, the one that was decayed longer ago.
		access := en.d.Access(en.ref)
		return int64(e.lfuDecayed(access, now))<<accessBits - int64((uint32(now/60000)-access>>8)&minutesMask)
	}
	return math.MaxInt64 - idleSeconds(en.d.Access(en.ref), now)
}

// CountsUse reports whether the policy counts how often keys are used: then there
// is a UseCount and no IdleSeconds, otherwise the reverse.
func (c *Ctx) CountsUse() bool { return c.e.usesLFU() }

// EvictsByUse reports whether keys are evicted, by when or how often they were used.
func (c *Ctx) EvictsByUse() bool {
	switch c.e.Config.MaxMemoryPolicy.Get() {
	case config.AllKeysLRU, config.AllKeysLFU, config.VolatileLRU, config.VolatileLFU:
		return c.e.Config.MaxMemory.Get() > 0
	}
	return false
}

// UseCount is how often en is used, on a logarithmic scale up to 255.
func (c *Ctx) UseCount(en Entry) int64 { return int64(c.e.lfuDecayed(en.d.Access(en.ref), c.Now)) }

// IdleSeconds is for how many seconds en was not used.
func (c *Ctx) IdleSeconds(en Entry) int64 { return idleSeconds(en.d.Access(en.ref), c.Now) }

// SetUse makes en one that was used as m says, if the policy counts the same.
func (c *Ctx) SetUse(en Entry, m *rdb.Meta) { en.d.SetAccess(en.ref, c.e.loadedAccess(m, c.Now)) }

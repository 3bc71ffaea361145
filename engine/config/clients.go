package config

import (
	"fmt"
	"math"
	"strconv"
)

// FitMaxClients sets the function that says how many of n clients the system lets be served:
// maxclients takes no more from then on. It is called once, before clients are served.
func (c *Config) FitMaxClients(most func(n int64) int64) { c.fitClients = most }

// clientsFit refuses a maxclients that the system does not allow, in Redis's words.
func (c *Config) clientsFit(word string) error {
	n, err := strconv.ParseInt(word, 10, 64)
	if c.fitClients == nil || err != nil || n < 1 || n > math.MaxUint32 {
		return nil // parse judges
	}
	if most := c.fitClients(n); most < n {
		return asRedis(fmt.Sprintf("The operating system is not able to handle the specified number of clients, try with %d", most))
	}
	return nil
}

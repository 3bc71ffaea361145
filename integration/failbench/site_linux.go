package main

import (
	"errors"
	"os"

	"regent/integration/harness"
)

// newHosts makes n hosts; what comes back, also with an error, is to be removed.
func newHosts(n int) (hosts, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	h, err := harness.NewHosts(n)
	if h == nil {
		return nil, err
	}
	return h, err
}

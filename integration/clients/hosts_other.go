//go:build !linux

package main

import (
	"context"
	"errors"
)

func newHostsPlace(context.Context, string, string) (*place, error) {
	return nil, errors.New("network namespaces are Linux's")
}

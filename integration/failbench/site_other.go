//go:build !linux

package main

import "errors"

func newHosts(int) (hosts, error) { return nil, errors.New("network namespaces need Linux") }

//go:build !linux

package server

import (
	"net"

	"regent/engine"
)

// loops exist on Linux alone: elsewhere a goroutine serves each connection.
type loops struct{}

func newLoops(*Server) *loops { return nil }

func (*loops) serve(net.Listener, engine.Face, bool) bool { return false }

func (*loops) adopt(net.Conn, func(*client), func(*client) bool) (bool, error) { return false, nil }

func (*loops) watch(int, func() bool, func(bool)) bool { return false }

func (*loops) shut() {}

func (*loops) drop([]net.Listener) {}

func (*loops) close() {}

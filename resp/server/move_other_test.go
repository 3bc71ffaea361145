//go:build !linux

package server

import "testing"

func shuffle(testing.TB, *Server) func() { return func() {} }

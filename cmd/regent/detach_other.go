//go:build !unix

package main

import "errors"

func (t tool) detach(string) int {
	return t.fail(errors.New("daemonize: this system has nothing of the kind; start Regent as a service"))
}

func (t tool) detached() (tool, func()) { return t, func() {} }

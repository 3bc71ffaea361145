package main

import "strings"

// A reason explains failures of tests whose name begins with, or whose message
// holds, a text.
type reason struct{ test, message, why string }

// reasons are looked through in their order.
var reasons = []reason{
	{message: "unknown command", why: "the command is not there yet"},
}

// reasonFor finds why a test does not pass, "" where nobody knows.
func reasonFor(test, message string) string {
	for _, r := range reasons {
		if r.test != "" && strings.HasPrefix(test, r.test) || r.message != "" && strings.Contains(message, r.message) {
			return r.why
		}
	}
	return ""
}

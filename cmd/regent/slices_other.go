//go:build !linux

package main

// askForShortSlices does nothing: there is nobody to ask.
func askForShortSlices() {}

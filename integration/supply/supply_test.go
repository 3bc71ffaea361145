package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"runtime/debug"
	"testing"
)

// TestLicencesAreListed: docs/licenses.md is what `make licenses` writes, so a module that
// comes or changes is seen, and its licence is one that is known.
func TestLicencesAreListed(t *testing.T) {
	mods, err := modules("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/licenses.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := table(mods); string(text) != want {
		t.Errorf("docs/licenses.md is not up to date, run make licenses:\n%s", want)
	}
	shipped := 0
	for _, m := range mods {
		switch {
		case !m.Shipped:
		case m.License == "MIT" || m.License == "BSD-3-Clause" || m.License == "BSD-2-Clause" || m.License == "ISC" || m.License == "Apache-2.0":
			shipped++
		default:
			t.Errorf("%s is in the binary, and its licence is %s", m.Path, m.License)
		}
	}
	if shipped < 4 {
		t.Errorf("only %d modules are in the binary", shipped)
	}
}

// TestBillNamesAll: the bill of a binary has every module that the binary says it is built from,
// and is the same when it is made again.
func TestBillNamesAll(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	mods, err := modules("../..")
	if err != nil {
		t.Fatal(err)
	}
	info.Deps = nil
	for _, m := range mods {
		if m.Shipped {
			info.Deps = append(info.Deps, &debug.Module{Path: m.Path, Version: m.Version, Sum: "h1:x"})
		}
	}
	text, err := bill(info, mods)
	if err != nil {
		t.Fatal(err)
	}
	again, err := bill(info, mods)
	if err != nil || string(again) != string(text) {
		t.Errorf("made again it differs: %v", err)
	}
	var doc struct {
		Components []component `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Components) != len(info.Deps)+1 {
		t.Errorf("%d components, %d modules", len(doc.Components), len(info.Deps))
	}
	for _, c := range doc.Components {
		if c.Version == "" || len(c.Licenses) != 1 {
			t.Errorf("%s: version %q, licences %v", c.Name, c.Version, c.Licenses)
		}
	}
	info.Deps = append(info.Deps, &debug.Module{Path: "example.com/unknown"})
	if _, err := bill(info, mods); err == nil {
		t.Error("a module that is not the source's is listed")
	}
}

func TestLicenceOf(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted, free\nof charge ... THE SOFTWARE IS PROVIDED \"AS IS\"": "MIT",
		"Apache License\nVersion 2.0": "Apache-2.0", "All rights reserved.": "",
		"Redistribution and use in source and binary forms ... Neither the name of Google": "BSD-3-Clause",
	} {
		if got, err := licenseOf(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

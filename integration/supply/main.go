// Command supply tells what a build of Regent is made of: the licence of each module, and a
// software bill of materials of a binary (CycloneDX 1.5).
//
//	go run ./integration/supply -licenses docs/licenses.md
//	go run ./integration/supply -binary bin/regent -sbom bin/regent.cdx.json
//
// What it writes depends on the modules alone: no times, no random numbers, no paths of the
// machine. So it is the same wherever it is written.
package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

func main() {
	licenses := flag.String("licenses", "", "file for the table of licences")
	binary := flag.String("binary", "", "the binary that the bill of materials is of")
	sbom := flag.String("sbom", "", "file for the bill of materials")
	flag.Parse()
	if err := run(*licenses, *binary, *sbom); err != nil {
		fmt.Fprintln(os.Stderr, "supply:", err)
		os.Exit(1)
	}
}

func run(licenses, binary, sbom string) error {
	mods, err := modules(".")
	if err != nil {
		return err
	}
	if licenses != "" {
		if err := os.WriteFile(licenses, []byte(table(mods)), 0o644); err != nil {
			return err
		}
	}
	if sbom == "" {
		return nil
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read what %s was built from: %w", binary, err)
	}
	text, err := bill(info, mods)
	if err != nil {
		return err
	}
	return os.WriteFile(sbom, text, 0o644)
}

// A module is one that Regent or its tests are built from.
type module struct {
	Path, Version, Dir string
	License            string // its SPDX identifier
	Shipped            bool   // in the binary
}

// modules are those that are compiled for the binary or the tests in top's module.
func modules(top string) ([]module, error) {
	shipped, err := listed(top, "./cmd/regent")
	if err != nil {
		return nil, err
	}
	all, err := listed(top, "-test", "./...")
	if err != nil {
		return nil, err
	}
	for i := range all {
		m := &all[i]
		m.Shipped = slices.ContainsFunc(shipped, func(s module) bool { return s.Path == m.Path })
		if m.License, err = licenseIn(m.Dir); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	return all, nil
}

// listed are the modules of the packages that packages need.
func listed(top string, packages ...string) (found []module, err error) {
	const form = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"
	cmd := exec.Command("go", append([]string{"list", "-deps", "-f", form}, packages...)...)
	cmd.Dir = top
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, errs.String())
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		f := strings.Split(line, "\t")
		if len(f) == 3 && !slices.ContainsFunc(found, func(m module) bool { return m.Path == f[0] }) {
			found = append(found, module{Path: f[0], Version: f[1], Dir: f[2]})
		}
	}
	slices.SortFunc(found, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return found, nil
}

// licenseIn tells the licence in a module's folder by the sentences that make it what it is.
func licenseIn(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "LICEN[SC]E*"))
	if err != nil || len(files) == 0 {
		return "", errors.Join(errors.New("no file LICENSE"), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return "", err
	}
	return licenseOf(string(text))
}

func licenseOf(text string) (string, error) {
	words := strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(s string) bool { return strings.Contains(words, s) }
	switch {
	case has("apache license") && has("version 2.0"):
		return "Apache-2.0", nil
	case has("mozilla public license") && has("2.0"):
		return "MPL-2.0", nil
	case has("permission is hereby granted, free of charge") && has("the software is provided \"as is\""):
		return "MIT", nil
	case has("redistribution and use in source and binary forms") && (has("neither the name") || has("names of its contributors")):
		return "BSD-3-Clause", nil
	case has("redistribution and use in source and binary forms"):
		return "BSD-2-Clause", nil
	case has("permission to use, copy, modify, and/or distribute this software"):
		return "ISC", nil
	}
	return "", errors.New("a licence that is not known here")
}

// table is docs/licenses.md.
func table(mods []module) string {
	var b strings.Builder
	b.WriteString("# Licences\n\nThe modules that Regent is built from, written by `make licenses`. The standard library is Go's, BSD-3-Clause.\n\n" +
		"| Module | Version | Licence | Where |\n| --- | --- | --- | --- |\n")
	for _, m := range mods {
		where := "tests and tools"
		if m.Shipped {
			where = "the binary"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", m.Path, m.Version, m.License, where)
	}
	return b.String()
}

// A component is one of the bill's.
type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Licenses   []license  `json:"licenses,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type license struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// bill is the bill of materials of a binary.
func bill(info *debug.BuildInfo, mods []module) ([]byte, error) {
	self := component{Type: "application", Name: info.Main.Path, Version: info.Main.Version, PURL: purl(info.Main.Path, info.Main.Version)}
	for _, s := range info.Settings {
		self.Properties = append(self.Properties, property{"go:" + s.Key, s.Value})
	}
	parts := []component{{Type: "library", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"), PURL: purl("std", strings.TrimPrefix(info.GoVersion, "go")), Licenses: licensed("BSD-3-Clause")}}
	for _, d := range info.Deps {
		at := slices.IndexFunc(mods, func(m module) bool { return m.Path == d.Path })
		if at < 0 {
			return nil, fmt.Errorf("%s is in the binary and no module of this source", d.Path)
		}
		parts = append(parts, component{
			Type: "library", Name: d.Path, Version: d.Version, PURL: purl(d.Path, d.Version),
			Licenses: licensed(mods[at].License), Properties: []property{{"go:sum", d.Sum}},
		})
	}
	doc := struct {
		Format   string `json:"bomFormat"`
		Spec     string `json:"specVersion"`
		Version  int    `json:"version"`
		Metadata struct {
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}{Format: "CycloneDX", Spec: "1.5", Version: 1, Components: parts}
	doc.Metadata.Component = self
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
}

func licensed(id string) []license {
	var l license
	l.License.ID = id
	return []license{l}
}

func purl(path, version string) string { return "pkg:golang/" + path + "@" + version }

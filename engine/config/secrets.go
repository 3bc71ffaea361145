package config

import (
	"errors"
	"fmt"
)

// Secrets, and the files that they are read from: a secret on a command line is seen by
// every user of the machine, one in a file of mode 0600 is not. For each secret there is a
// directive with -file behind its name; of the two, the one that was said last counts. A
// file is read at the start, when it is named by CONFIG SET, and at SIGHUP.
// To name a file takes enable-protected-configs: CONFIG GET would show what is in it.

// A secretFile is a secret's second directive.
type secretFile struct {
	path, secret *Str
	name         string
}

// secretAnd are the two directives of a secret.
func (c *Config) secretAnd(name string, v, path *Str, shape ...func(*directive) *directive) []*directive {
	s, f := secret(name, v), text(name+"-file", path, "")
	parse := s.parse
	s.parse = func(word string) (func(), error) {
		store, err := parse(word)
		return func() { store(); path.Set("") }, err
	}
	s.file = path
	f.parse = func(word string) (func(), error) {
		if word == "" || c.readSecret == nil { // ReadSecrets reads it, or nobody does
			return func() { path.Set(word) }, nil
		}
		value, err := c.readSecret(word)
		return func() { path.Set(word); v.Set(value) }, err
	}
	f.guarded()
	for _, sh := range shape {
		s, f = sh(s), sh(f)
	}
	c.secretFiles = append(c.secretFiles, secretFile{path: path, secret: v, name: f.name})
	return []*directive{s, f}
}

// ReadSecrets reads all secrets that come from files with read, whose errors say what is
// wrong with a file. It is called once, at the start; from then on CONFIG SET reads as well.
func (c *Config) ReadSecrets(read func(path string) (string, error)) error {
	c.readSecret = read
	return c.ReadSecretsAgain()
}

// ReadSecretsAgain reads all files of secrets anew. One that cannot be read leaves its secret
// as it was.
func (c *Config) ReadSecretsAgain() error {
	var errs []error
	for _, f := range c.secretFiles {
		path := f.path.Get()
		if path == "" {
			continue
		}
		value, err := c.readSecret(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.name, err))
			continue
		}
		f.secret.Set(value)
	}
	return errors.Join(errs...)
}

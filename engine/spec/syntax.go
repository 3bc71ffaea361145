package spec

import "strings"

// Syntax is arguments as one writes them down: <needed> [optional] (ONE|TWO).
func (args Args) Syntax() string {
	words := make([]string, len(args))
	for i := range args {
		words[i] = args[i].syntax()
	}
	return strings.Join(words, " ")
}

func (a *Arg) syntax() string {
	s := a.inner()
	switch {
	case a.Token != "" && s != "" && a.Type != "pure-token":
		s = a.Token + " " + s
	case a.Token != "":
		s = a.Token
	case a.Type == "pure-token":
		s = `""`
	}
	if a.Multiple {
		s += " [" + s + " ...]"
	}
	if a.Optional {
		s = "[" + s + "]"
	}
	return s
}

// inner is what stands for the argument's own value.
func (a *Arg) inner() string {
	switch a.Type {
	case "pure-token":
		return ""
	case "block":
		return a.Args.Syntax()
	case "oneof":
		words := make([]string, len(a.Args))
		for i := range a.Args {
			words[i] = a.Args[i].syntax()
		}
		return "(" + strings.Join(words, "|") + ")"
	}
	return "<" + a.Name + ">"
}

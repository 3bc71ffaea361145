package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kernel is the package whose exported names are counted: each is there because
// another package uses it. What tests alone need is in its export_test.go.
const kernel = "regent/engine"

// administers are the rooms that may change the cluster.
var administers = []string{rooms + "cluster", rooms + "sentinel"}

// helpers are packages for tests: what they use is not used yet.
var helpers = []string{"regent/engine/enginetest", "regent/integration"}

// waived are exported names that no package uses, with why.
var waived = map[string]string{
	"Options.Poison":     "for tests of handlers, in any package",
	"Session.RunsScript": "for tests that wait for a script in the background",
	"SessionState.*":     "what a session is at another node: nodes send all of it, and look at little",
}

// A listed package is what go list says of it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
}

// listAll lists every package of the module and all that they import, compiled.
func listAll(t *testing.T) map[string]*listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports", "regent/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]*listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = &p
	}
}

// A surface is what is exported, and what is used of it, by names as a reader
// writes them: Engine, Engine.Execute, Options.Host.
type surface struct {
	exported, used map[string]bool
	types          map[string]types.Type // what each of exported is
}

// add takes the exported names of a type's fields and methods. Methods of an
// interface are there for types that implement it, and go with its own name.
func (s *surface) add(obj types.Object) {
	s.put(obj.Name(), obj.Type())
	named, ok := obj.Type().(*types.Named)
	if _, isType := obj.(*types.TypeName); !isType || !ok {
		return
	}
	for m := range named.Methods() {
		if m.Exported() && !fromAnInterface(m) {
			s.put(obj.Name()+"."+m.Name(), m.Type())
		}
	}
	if st, ok := named.Underlying().(*types.Struct); ok {
		for f := range st.Fields() {
			if f.Exported() && !f.Embedded() {
				s.put(obj.Name()+"."+f.Name(), f.Type())
			}
		}
	}
}

func (s *surface) put(name string, t types.Type) { s.exported[name], s.types[name] = true, t }

// fromAnInterface reports whether a method is one that the standard library calls.
func fromAnInterface(m *types.Func) bool {
	return slices.Contains([]string{"Error", "Unwrap", "String", "Is"}, m.Name())
}

// see notes the uses in a package that has been checked.
func (s *surface) see(info *types.Info) {
	for _, obj := range info.Uses {
		if obj.Pkg() == nil || obj.Pkg().Path() != kernel {
			continue
		}
		if obj.Parent() == obj.Pkg().Scope() {
			s.used[obj.Name()] = true
		}
		if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil {
			s.used[typeName(f.Signature().Recv().Type())+"."+f.Name()] = true
		}
	}
	for _, sel := range info.Selections {
		if sel.Obj().Pkg() != nil && sel.Obj().Pkg().Path() == kernel && sel.Kind() == types.FieldVal {
			s.field(sel.Recv(), sel.Index())
		}
	}
	for node, tv := range info.Types {
		lit, ok := node.(*ast.CompositeLit)
		if !ok || !strings.HasPrefix(strings.TrimPrefix(tv.Type.String(), "*"), kernel+".") {
			continue
		}
		for i, el := range lit.Elts {
			st, ok := tv.Type.Underlying().(*types.Struct)
			if !ok {
				break
			}
			name := st.Field(min(i, st.NumFields()-1)).Name()
			if kv, ok := el.(*ast.KeyValueExpr); ok {
				name = kv.Key.(*ast.Ident).Name
			}
			s.used[typeName(tv.Type)+"."+name] = true
		}
	}
}

// implement notes the methods by which a type of the kernel is what an interface of
// pkg asks for: a package below the kernel has an interface for what it needs of it.
func (s *surface) implement(engine, pkg *types.Package) {
	for _, name := range pkg.Scope().Names() {
		wanted, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Interface)
		if !ok {
			continue
		}
		for _, typ := range engine.Scope().Names() {
			if t := types.NewPointer(engine.Scope().Lookup(typ).Type()); types.Implements(t, wanted) {
				for m := range wanted.Methods() {
					s.used[typ+"."+m.Name()] = true
				}
			}
		}
	}
}

// reach notes the types that a used name is made of: a caller of a function names
// neither its parameters' types nor its results'.
func (s *surface) reach() {
	for grown := true; grown; {
		grown = false
		for name := range s.used {
			for _, part := range parts(s.types[name]) {
				if !s.used[part] {
					s.used[part], grown = true, true
				}
			}
		}
	}
}

// parts are the kernel's types that t is made of.
func parts(t types.Type) (names []string) {
	switch t := t.(type) {
	case *types.Named:
		if o := t.Obj(); o.Pkg() != nil && o.Pkg().Path() == kernel {
			return []string{o.Name()}
		}
	case *types.Signature:
		for _, list := range []*types.Tuple{t.Params(), t.Results()} {
			for v := range list.Variables() {
				names = append(names, parts(v.Type())...)
			}
		}
	case *types.Map:
		return append(parts(t.Key()), parts(t.Elem())...)
	case interface{ Elem() types.Type }:
		return parts(t.Elem())
	}
	return names
}

// field notes every field on the way that a selector takes.
func (s *surface) field(t types.Type, path []int) {
	for _, i := range path {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok {
			return
		}
		s.used[typeName(t)+"."+st.Field(i).Name()] = true
		t = st.Field(i).Type()
	}
}

// typeName is the name of the type, or of what it points to.
func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	switch t := t.(type) {
	case *types.Named:
		return t.Obj().Name()
	case *types.Alias:
		return t.Obj().Name()
	}
	return ""
}

// check reads a package's files and says what its names stand for.
func check(t *testing.T, fset *token.FileSet, from types.Importer, p *listed) (*types.Package, *types.Info) {
	t.Helper()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Types: map[ast.Expr]types.TypeAndValue{}}
	pkg, err := (&types.Config{Importer: from}).Check(p.ImportPath, fset, files, info)
	if err != nil {
		t.Fatalf("%s: %v", p.ImportPath, err)
	}
	return pkg, info
}

// TestEveryExportedNameOfTheKernelIsUsed by a package that is no test: a name that
// nobody outside needs is a way round the kernel's invariants.
func TestEveryExportedNameOfTheKernelIsUsed(t *testing.T) {
	all := listAll(t)
	fset := token.NewFileSet()
	from := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if p := all[path]; p != nil && p.Export != "" {
			return os.Open(p.Export)
		}
		return nil, fmt.Errorf("no export data of %s", path)
	})
	engine, err := from.Import(kernel)
	if err != nil {
		t.Fatal(err)
	}
	s := &surface{exported: map[string]bool{}, used: map[string]bool{}, types: map[string]types.Type{}}
	for _, name := range engine.Scope().Names() {
		if obj := engine.Scope().Lookup(name); obj.Exported() {
			s.add(obj)
		}
	}
	for path := range all {
		if strings.HasPrefix(path, "regent/") {
			pkg, err := from.Import(path)
			if err != nil {
				t.Fatal(err)
			}
			s.implement(engine, pkg)
		}
	}
	for path, p := range all {
		if !slices.Contains(p.Imports, kernel) || slices.ContainsFunc(helpers, func(h string) bool { return path == h || strings.HasPrefix(path, h+"/") }) {
			continue
		}
		_, info := check(t, fset, from, p)
		own := &surface{used: map[string]bool{}}
		own.see(info)
		if own.used["Command.Administer"] && !slices.Contains(administers, path) {
			t.Errorf("%s changes the cluster: that is for %q alone", path, administers)
		}
		maps.Copy(s.used, own.used)
	}
	s.reach()
	unused := []string{}
	for name := range s.exported {
		typ, _, _ := strings.Cut(name, ".")
		if !s.used[name] && waived[name] == "" && waived[typ+".*"] == "" {
			unused = append(unused, name)
		}
	}
	slices.Sort(unused)
	t.Logf("%d exported names", len(s.exported))
	for _, name := range unused {
		t.Errorf("engine.%s is exported, and no other package uses it", name)
	}
}

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// module is the module path that our own imports begin with.
const module = "drawdown"

// Tree is the source under test.
type Tree struct {
	Files    []*File  // every Go file, including tests
	Paths    []string // every file and folder, slash-separated, from the root
	TopLevel []string // names at the root
}

// File is one Go file.
type File struct {
	Path    string // slash-separated, from the root
	Dir     string // its folder; "." is the root
	Lines   int
	Test    bool // a _test.go file
	AST     *ast.File
	Imports map[string][]string // import path to the names that it has in the file
	fset    *token.FileSet
}

// Load reads the tree under root, without hidden folders, installed packages, build
// output and testdata.
func Load(root string) (*Tree, error) {
	tree := &Tree{}
	disk := os.DirFS(root)
	err := fs.WalkDir(disk, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		base := path.Base(name)
		skipped := strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || name == "cdk.out"
		if skipped {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if path.Dir(name) == "." {
			tree.TopLevel = append(tree.TopLevel, name)
		}
		tree.Paths = append(tree.Paths, name)
		if entry.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(disk, name)
		if err != nil {
			return err
		}
		return tree.add(name, string(text))
	})
	return tree, err
}

// Parse parses sources given by path, for tests of the rules themselves.
func Parse(sources map[string]string) (*Tree, error) {
	tree := &Tree{}
	folders := map[string]bool{}
	for name, text := range sources {
		tree.Paths = append(tree.Paths, name)
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
		if path.Ext(name) == ".go" {
			if err := tree.add(name, text); err != nil {
				return nil, err
			}
		}
	}
	for dir := range folders {
		tree.Paths = append(tree.Paths, dir)
	}
	for _, name := range tree.Paths {
		if path.Dir(name) == "." {
			tree.TopLevel = append(tree.TopLevel, name)
		}
	}
	sort.Strings(tree.Paths)
	sort.Strings(tree.TopLevel)
	sort.Slice(tree.Files, func(i, j int) bool { return tree.Files[i].Path < tree.Files[j].Path })
	return tree, nil
}

func (t *Tree) add(name, text string) error {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("archtest: %w", err)
	}
	f := &File{
		Path:    name,
		Dir:     path.Dir(name),
		Lines:   strings.Count(text, "\n"),
		Test:    strings.HasSuffix(name, "_test.go"),
		AST:     parsed,
		Imports: map[string][]string{},
		fset:    fset,
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("archtest: %s: %w", name, err)
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		f.Imports[imported] = append(f.Imports[imported], name)
	}
	t.Files = append(t.Files, f)
	return nil
}

// In reports whether the file is in the folder or below it.
func (f *File) In(folder string) bool {
	return f.Dir == folder || strings.HasPrefix(f.Dir, folder+"/")
}

func (f *File) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, f.fset.Position(pos).Line)
}

// Uses lists where the file uses a name of an imported package, such as "time",
// "Now", whether called or passed on.
func (f *File) Uses(imported string, names ...string) []string {
	locals := f.Imports[imported]
	if len(locals) == 0 {
		return nil
	}
	var found []string
	if slices.Contains(locals, ".") {
		found = append(found, f.Path+": a dot import hides the use of "+imported)
	}
	ast.Inspect(f.AST, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(locals, x.Name) {
			for _, name := range names {
				if selector.Sel.Name == name {
					found = append(found, f.at(selector.Pos())+": "+x.Name+"."+name)
				}
			}
		}
		return true
	})
	return found
}

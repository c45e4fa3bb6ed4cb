package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// Rule is one rule of the layout.
type Rule struct {
	Name  string
	Why   string
	Check func(*Tree) []string // one sentence, with its place, for each breach
}

// Rules returns all of them.
func Rules() []Rule {
	return slices.Concat(layoutRules(), placeRules(), importRules(), pureRules(), writingRules())
}

// topLevel is what must be at the root of the repository.
var topLevel = []string{
	"Makefile", "README.md", "cdk.json", "events", "functions", "go.mod", "go.sum", "infra", "shared",
}

// topLevelToo may be at the root as well, because tools look for it there, and so
// may every name that begins with a dot.
var topLevelToo = []string{"LICENSE", "NOTICE"}

// drawers are names under which anything could be put.
var drawers = []string{"util", "utils", "helper", "helpers", "common", "misc", "types", "models"}

const mainLines = 40

func layoutRules() []Rule {
	return []Rule{
		{"top level", "a reader finds the parts at a glance; a new one must be a decision, not a leftover file",
			func(t *Tree) []string {
				var found []string
				for _, name := range t.TopLevel {
					if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) && !slices.Contains(topLevelToo, name) {
						found = append(found, name+" does not belong at the top level")
					}
				}
				for _, name := range topLevel {
					if !slices.Contains(t.TopLevel, name) {
						found = append(found, name+" is missing at the top level")
					}
				}
				return found
			}},
		{"shared has no package of its own", "a package called shared is a drawer",
			everyFile(func(f *File) []string {
				return when(f.Dir == "shared", f.Path+" is directly in shared/")
			})},
		{"no drawers", "a meaningless name collects everything",
			func(t *Tree) []string {
				var found []string
				for _, name := range t.Paths {
					base := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".go"), "_test")
					found = append(found, when(slices.Contains(drawers, base), name+" is named like a drawer")...)
				}
				for _, f := range t.Files {
					pkg := f.AST.Name.Name
					found = append(found, when(slices.Contains(drawers, pkg), f.Path+": package "+pkg+" is named like a drawer")...)
				}
				return found
			}},
		{"short mains", "a function's main only wires; what it does is in its handler",
			everyFile(func(f *File) []string {
				isMain := f.In("functions") && path.Base(f.Path) == "main.go"
				return when(isMain && f.Lines > mainLines, f.Path+" has more than 40 lines")
			})},
		{"doc comments", "each package documents what it owns and what it must not do", packagesWithoutDoc},
	}
}

func packagesWithoutDoc(t *Tree) []string {
	documented := map[string]bool{}
	for _, f := range t.Files {
		if !f.Test {
			documented[f.Dir] = documented[f.Dir] || strings.TrimSpace(f.AST.Doc.Text()) != ""
		} else if _, known := documented[f.Dir]; !known && !strings.HasSuffix(f.AST.Name.Name, "_test") {
			documented[f.Dir] = false
		}
		if f.Test && f.AST.Doc.Text() != "" {
			documented[f.Dir] = true
		}
	}
	var found []string
	for dir, ok := range documented {
		found = append(found, when(!ok, dir+": the package has no doc comment")...)
	}
	slices.Sort(found)
	return found
}

func importRules() []Rule {
	return []Rule{
		{"functions import no service", "a function decodes, operates, encodes; storage and payments are in shared packages",
			everyImport(func(f *File, imported string) string {
				if !f.In("functions") {
					return ""
				}
				if strings.Contains(imported, "/aws-sdk-go-v2/service/") || strings.Contains(imported, "/stripe-go") {
					return "a function may not import " + imported
				}
				return ""
			})},
		{"adapters are held by interfaces", "a package declares the few methods that it needs of a store; only mains and boot choose the store",
			everyFile(adaptersByName)},
		{"functions stand alone", "each is one binary with its own permissions; nothing of infra is deployed with it",
			everyImport(func(f *File, imported string) string {
				own, isOwn := strings.CutPrefix(imported, module+"/")
				if !f.In("functions") || !isOwn {
					return ""
				}
				if strings.HasPrefix(own, "infra") || (strings.HasPrefix(own, "functions/") && !strings.HasPrefix(own+"/", f.Dir+"/")) {
					return "a function may not import " + imported
				}
				return ""
			})},
		{"shared imports no user of it", "dependencies point from functions to the domain, never back",
			everyImport(func(f *File, imported string) string {
				own, isOwn := strings.CutPrefix(imported, module+"/")
				if isOwn && (f.In("shared") || f.In("events")) && (strings.HasPrefix(own, "infra") || strings.HasPrefix(own, "functions")) {
					return f.Dir + " may not import " + imported
				}
				return ""
			})},
		{"what knows nothing of us stands apart", "the emulator and the stand-in for Stripe are self-contained; if they shared our code they would share its mistakes",
			everyImport(func(f *File, imported string) string {
				own, isOwn := strings.CutPrefix(imported, module+"/")
				for _, folder := range apart {
					if f.In(folder) && isOwn && !strings.HasPrefix(own+"/", folder+"/") {
						return f.Dir + " may not import " + imported
					}
				}
				return ""
			})},
	}
}

// apart are the folders that are independent of the platform: each imports nothing
// of ours from outside of it, even in its tests.
var apart = []string{"infra/emulator", "infra/standin"}

// pureRules hold what may not be written in the domain.
func pureRules() []Rule {
	return []Rule{
		{"no clock in the domain", "a decision is a function of state, command and a given time; otherwise it cannot be tested",
			everyFile(func(f *File) []string {
				if !pure(f) || places[f.Dir].clock {
					return nil
				}
				return f.Uses("time", "Now", "Since", "Until")
			})},
		{"no waiting in the domain", "a plain wait may outlive its caller; shared/pause ends with it",
			everyFile(func(f *File) []string {
				if !pure(f) || places[f.Dir].waits {
					return nil
				}
				return f.Uses("time", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer")
			})},
		{"no wire format in the domain", "JSON and attribute names belong to the edge that speaks them",
			everyFile(func(f *File) []string {
				if !pure(f) {
					return nil
				}
				return append(fieldTags(f), identifiers(f, wireMethods...)...)
			})},
		{"no floats in the domain", "credits and money are whole numbers; floats lose precision",
			everyFile(func(f *File) []string {
				if !pure(f) {
					return nil
				}
				return append(identifiers(f, floats...), floatLiterals(f)...)
			})},
	}
}

func writingRules() []Rule {
	return []Rule{
		{"doc.go holds words", "a type is looked for in a file named after it",
			everyFile(func(f *File) []string {
				return when(path.Base(f.Path) == "doc.go" && len(f.AST.Decls) > 0, f.Path+" contains a declaration")
			})},
		{"no sudden death", "a process that exits on a fault loses the answer; faults are returned",
			everyFile(func(f *File) []string {
				if f.Test || !shipped(f) {
					return nil
				}
				found := append(f.Uses("log", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"), f.Uses("os", "Exit")...)
				return append(found, panics(f)...)
			})},
		{"parallel work is written once", "a panic in a goroutine ends the process, and goroutines need a bound and an end; shared/parallel handles all three",
			everyFile(parallelWork)},
		{"only mains exit", "an exit elsewhere skips its callers' cleanup",
			everyFile(func(f *File) []string {
				if f.Test || !f.In("infra") || f.AST.Name.Name == "main" {
					return nil
				}
				return append(f.Uses("os", "Exit"), f.Uses("log", "Fatal", "Fatalf", "Fatalln")...)
			})},
		{"no init", "what runs before main cannot report an error and cannot be tested",
			everyFile(func(f *File) []string {
				if f.Test || !shipped(f) {
					return nil
				}
				return initFunctions(f)
			})},
		{"no scans", "a scan reads, and pays for, the whole table; listings use an index",
			everyFile(func(f *File) []string {
				if f.Test || f.In("infra") {
					return nil
				}
				return identifiers(f, "ScanInput", "NewScanPaginator")
			})},
		{"reads in one place", "whether a read may lag is decided there once, and no emulator shows it",
			everyFile(func(f *File) []string {
				if f.Test || f.Dir != "shared/dynamo" || path.Base(f.Path) == "requests.go" {
					return nil
				}
				return identifiers(f, "ConsistentRead", "GetItem", "BatchGetItem", "Query", "NewQueryPaginator", "TransactGetItems", "IndexName")
			})},
		{"the stack types no route", "routes are written once, in shared/httpapi; a second list would drift",
			everyFile(func(f *File) []string {
				if f.Dir != "infra/stack" || f.Test {
					return nil
				}
				return literals(f, "/v1/")
			})},
	}
}

// wireMethods give a type a wire format without a tag.
var wireMethods = []string{
	"MarshalJSON", "UnmarshalJSON", "MarshalJSONTo", "UnmarshalJSONFrom", "MarshalText", "UnmarshalText", "MarshalBinary", "UnmarshalBinary",
	"MarshalDynamoDBAttributeValue", "UnmarshalDynamoDBAttributeValue",
}

// floats are the names that introduce a float; a literal does too.
var floats = []string{
	"float64", "float32", "complex128", "complex64", "Float64", "Float32", "NormFloat64", "ExpFloat64", "ParseFloat", "NewFloat",
}

// shipped reports whether the file is part of what is deployed.
func shipped(f *File) bool { return f.In("functions") || f.In("shared") || f.In("events") }

func adaptersByName(f *File) []string {
	wires := f.In("functions") && path.Base(f.Path) == "main.go" || f.Dir == "shared/boot"
	if wires || ofTests(f) || !shipped(f) {
		return nil
	}
	return slices.Concat(
		f.Uses(module+"/shared/dynamo", "Tables", "Ledger", "Usage", "Accounts", "Catalog", "Billing", "Webhooks"),
		f.Uses(module+"/shared/eventbus", "Bus"), f.Uses(module+"/shared/failures", "Bucket"),
	)
}

func parallelWork(f *File) []string {
	if f.Dir == "shared/parallel" || ofTests(f) || !shipped(f) {
		return nil
	}
	return slices.Concat(goStatements(f), f.Uses("sync", "WaitGroup"), f.Uses("golang.org/x/sync/errgroup", "Group", "WithContext"))
}

// ofTests reports whether the file is a test, or in a package for tests.
func ofTests(f *File) bool { return f.Test || places[f.Dir].kind == isTestKit }

func everyFile(check func(*File) []string) func(*Tree) []string {
	return func(t *Tree) []string {
		var found []string
		for _, f := range t.Files {
			found = append(found, check(f)...)
		}
		return found
	}
}

func everyImport(check func(f *File, imported string) string) func(*Tree) []string {
	return everyFile(func(f *File) []string {
		var found []string
		for imported := range f.Imports {
			if breach := check(f, imported); breach != "" {
				found = append(found, f.Path+": "+breach)
			}
		}
		slices.Sort(found)
		return found
	})
}

func when(breach bool, sentence string) []string {
	if breach {
		return []string{sentence}
	}
	return nil
}

func fieldTags(f *File) []string {
	var found []string
	ast.Inspect(f.AST, func(node ast.Node) bool {
		if field, ok := node.(*ast.Field); ok && field.Tag != nil {
			found = append(found, f.at(field.Pos())+": a field tag")
		}
		return true
	})
	return found
}

func floatLiterals(f *File) []string {
	var found []string
	ast.Inspect(f.AST, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && (literal.Kind == token.FLOAT || literal.Kind == token.IMAG) {
			found = append(found, f.at(literal.Pos())+": "+literal.Value)
		}
		return true
	})
	return found
}

func identifiers(f *File, names ...string) []string {
	var found []string
	ast.Inspect(f.AST, func(node ast.Node) bool {
		if ident, ok := node.(*ast.Ident); ok && slices.Contains(names, ident.Name) {
			found = append(found, f.at(ident.Pos())+": "+ident.Name)
		}
		return true
	})
	return found
}

func panics(f *File) []string {
	var found []string
	ast.Inspect(f.AST, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "panic" {
				found = append(found, f.at(call.Pos())+": panic")
			}
		}
		return true
	})
	return found
}

func goStatements(f *File) []string {
	var found []string
	ast.Inspect(f.AST, func(node ast.Node) bool {
		if statement, ok := node.(*ast.GoStmt); ok {
			found = append(found, f.at(statement.Pos())+": go")
		}
		return true
	})
	return found
}

func initFunctions(f *File) []string {
	var found []string
	for _, declaration := range f.AST.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, f.at(fn.Pos())+": func init")
		}
	}
	return found
}

func literals(f *File, part string) []string {
	var found []string
	ast.Inspect(f.AST, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING && strings.Contains(literal.Value, part) {
			found = append(found, f.at(literal.Pos())+": "+literal.Value)
		}
		return true
	})
	return found
}

package archtest

import (
	"strings"
	"testing"
)

// The least of what the rules are and hold of: a loop over nothing would pass.
const (
	leastFiles     = 400
	leastRules     = 18
	leastFunctions = 13
)

// allRules are the rules, none of which a loop may miss.
func allRules(t *testing.T) []Rule {
	t.Helper()
	if n := len(Rules()); n < leastRules {
		t.Fatalf("there are %d rules", n)
	}
	return Rules()
}

// A rule about a package holds of nothing once the package has another name.
func TestRulesAreAboutWhatIsThere(t *testing.T) {
	tree, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	sources, imported, mains := map[string]bool{}, map[string]bool{}, 0
	for _, f := range tree.Files {
		if f.Test {
			continue
		}
		sources[f.Dir] = true
		for name := range f.Imports {
			for sdk, home := range adapters {
				if strings.Contains(name, sdk) && f.In(home) {
					imported[sdk] = true
				}
			}
		}
		if f.In("functions") && f.AST.Name.Name == "main" && strings.HasSuffix(f.Path, "/main.go") {
			mains++
		}
	}
	for dir := range domain {
		if !sources[dir] {
			t.Errorf("the domain has no package %s", dir)
		}
	}
	if !sources[committer] || !sources["infra/stack"] || len(domain) == 0 {
		t.Errorf("one of %s, infra/stack and the domain is not there", committer)
	}
	for sdk, home := range adapters {
		if !imported[sdk] {
			t.Errorf("%s does not import %s", home, sdk)
		}
	}
	if mains < leastFunctions {
		t.Errorf("there are %d functions", mains)
	}
}

func TestLayout(t *testing.T) {
	tree, err := Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Files) < leastFiles {
		t.Fatalf("%d Go files found: the rules would hold of next to nothing", len(tree.Files))
	}
	for _, rule := range allRules(t) {
		t.Run(rule.Name, func(t *testing.T) {
			for _, breach := range rule.Check(tree) {
				t.Errorf("%s\n\twhy: %s", breach, rule.Why)
			}
		})
	}
}

// breaches are small sources that break one rule each, and what its message must
// name. Every rule has at least one.
var breaches = []struct{ rule, path, source, names string }{
	{"top level", "scripts/x.go", "package scripts", "scripts"},
	{"top level", "Makefile", "", "README.md"},
	{"shared has no package of its own", "shared/x.go", "package shared", "shared/x.go"},
	{"no drawers", "shared/utils/x.go", "package utils", "shared/utils"},
	{"no drawers", "shared/dynamo/helpers.go", "package dynamo", "helpers.go"},
	{"no drawers", "shared/dynamo/common_test.go", "package dynamo", "common_test.go"},
	{"no drawers", "shared/dynamo/x.go", "package models", "package models"},
	{"short mains", "functions/debit/main.go", "package main\n" + strings.Repeat("//\n", 40), "functions/debit/main.go"},
	{"doc comments", "shared/credit/x.go", "package credit", "shared/credit"},
	{"doc comments", "infra/e2e/x_test.go", "package e2e", "infra/e2e"},
	{"domain imports", "shared/ledger/x.go", `package ledger; import "net/http"`, "net/http"},
	{"domain imports", "shared/ledger/x.go", `package ledger; import "encoding/json"`, "encoding/json"},
	{"domain imports", "shared/ledger/x.go", `package ledger; import "drawdown/shared/dynamo"`, "dynamo"},
	{"domain imports", "shared/credit/x.go", `package credit; import "drawdown/shared/ledger"`, "ledger"},
	{"domain imports", "shared/rating/x.go", `package rating; import "github.com/aws/aws-sdk-go-v2/aws"`, "aws-sdk-go-v2"},
	{"one importer a service", "shared/boot/x.go", `package boot; import "github.com/aws/aws-sdk-go-v2/service/dynamodb"`, "shared/dynamo"},
	{"one importer a service", "shared/usage/x.go", `package usage; import "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"`, "shared/dynamo"},
	{"one importer a service", "shared/billing/x.go", `package billing; import "github.com/stripe/stripe-go/v85"`, "shared/stripepay"},
	{"functions import no service", "functions/debit/x.go", `package main; import "github.com/aws/aws-sdk-go-v2/service/sqs"`, "sqs"},
	{"adapters are held by interfaces", "functions/debit/x.go", `package main; import "drawdown/shared/dynamo"; type h struct { store *dynamo.Client }`, "dynamo.Client"},
	{"adapters are held by interfaces", "functions/relay/handler.go", `package main; import "drawdown/shared/failures"; var b *failures.Bucket`, "failures.Bucket"},
	{"adapters are held by interfaces", "shared/relay/x.go", `package relay; import "drawdown/shared/eventbus"; var b *eventbus.Bus`, "eventbus.Bus"},
	{"functions stand alone", "functions/debit/x.go", `package main; import "drawdown/functions/usage"`, "functions/usage"},
	{"functions stand alone", "functions/debit/x.go", `package main; import "drawdown/infra/stack"`, "infra/stack"},
	{"shared imports no user of it", "shared/httpapi/x.go", `package httpapi; import "drawdown/infra/stack"`, "infra/stack"},
	{"what knows nothing of us stands apart", "infra/emulator/x.go", `package emulator; import "drawdown/shared/ledger"`, "shared/ledger"},
	{"what knows nothing of us stands apart", "infra/emulator/kinds/x_test.go", `package kinds_test; import "drawdown/events"`, "drawdown/events"},
	{"what knows nothing of us stands apart", "infra/emulator/kinds/x.go", `package kinds; import "drawdown/functions/debit"`, "functions/debit"},
	{"what knows nothing of us stands apart", "infra/emulator/x.go", `package emulator; import "drawdown/infra/local/demo"`, "infra/local/demo"},
	{"what knows nothing of us stands apart", "infra/standin/stripe/x_test.go", `package stripe_test; import "drawdown/shared/stripepay"`, "shared/stripepay"},
	{"no clock in the domain", "shared/ledger/x.go", `package ledger; import "time"; var now = time.Now`, "time.Now"},
	{"no clock in the domain", "shared/usage/x.go", `package usage; import clock "time"; var d = clock.Since(clock.Time{})`, "clock.Since"},
	{"no wire format in the domain", "shared/credit/x.go", "package credit; type T struct { A int `json:\"a\"` }", "a field tag"},
	{"no floats in the domain", "shared/credit/x.go", "package credit; var x float64", "float64"},
	{"no sudden death", "functions/debit/x.go", `package main; import "log"; func f() { log.Fatal() }`, "log.Fatal"},
	{"no sudden death", "shared/boot/x.go", `package boot; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
	{"no sudden death", "shared/boot/x.go", `package boot; func f() { panic(1) }`, "panic"},
	{"parallel work is written once", "shared/relay/x.go", `package relay; func f() { go f() }`, "go"},
	{"parallel work is written once", "functions/debit/x.go", `package main; import "sync"; var running sync.WaitGroup`, "sync.WaitGroup"},
	{"parallel work is written once", "shared/usage/x.go", `package usage; import "golang.org/x/sync/errgroup"; var g errgroup.Group`, "errgroup.Group"},
	{"only mains exit", "infra/stack/x.go", `package stack; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
	{"no init", "shared/boot/x.go", `package boot; func init() {}`, "func init"},
	{"no scans", "shared/dynamo/x.go", `package dynamo; import "a/dynamodb"; var s dynamodb.ScanInput`, "ScanInput"},
	{"reads in one place", "shared/dynamo/x.go", `package dynamo; func f(c *Client) { c.db.Query(nil, nil) }`, "Query"},
	{"reads in one place", "shared/dynamo/x.go", `package dynamo; var in = dynamodb.QueryInput{ConsistentRead: nil}`, "ConsistentRead"},
	{"the stack types no route", "infra/stack/x.go", `package stack; const p = "/v1/usage"`, "/v1/usage"},
}

func TestEveryRuleCanFail(t *testing.T) {
	rules := map[string]Rule{}
	for _, rule := range allRules(t) {
		rules[rule.Name] = rule
	}
	tested := map[string]bool{}
	for _, b := range breaches {
		tree, err := Parse(map[string]string{b.path: b.source})
		if err != nil {
			t.Fatalf("%s: %v", b.rule, err)
		}
		tested[b.rule] = true
		if found := strings.Join(rules[b.rule].Check(tree), "\n"); !strings.Contains(found, b.names) {
			t.Errorf("rule %q on %s says %q, want a breach that names %q", b.rule, b.source, found, b.names)
		}
	}
	for name, rule := range rules {
		if !tested[name] {
			t.Errorf("rule %q has no source that breaks it", name)
		}
		if rule.Why == "" {
			t.Errorf("rule %q does not say why", name)
		}
	}
}

// What is right must pass: a rule that cries at everything is as useless.
func TestRightSourcesPass(t *testing.T) {
	tree, err := Parse(map[string]string{
		"Makefile": "", "README.md": "", "cdk.json": "", "go.mod": "", "go.sum": "",
		"events/doc.go":           "// Package events is documented.\npackage events",
		"functions/debit/main.go": "// Command debit is documented.\npackage main\nimport \"drawdown/shared/dynamo\"\nvar _ = dynamo.Client{}",
		"infra/emulator/x.go":     "// Package emulator is documented.\npackage emulator\nimport \"drawdown/infra/emulator/bus\"\nvar _ = bus.X",
		"infra/main.go":           "// Command infra may exit.\npackage main\nimport \"os\"\nfunc main() { os.Exit(1) }",
		"infra/stack/stack.go":    "// Package stack is documented.\npackage stack\nconst index = \"/index/by_seq\"",
		"infra/stack/x_test.go":   "package stack\nconst path = \"/v1/x\"",
		"shared/dynamo/doc.go":    "// Package dynamo is documented.\npackage dynamo\nimport \"github.com/aws/aws-sdk-go-v2/service/dynamodb\"",
		"shared/ledger/doc.go": "// Package ledger is documented.\npackage ledger\n" +
			"import (\n\"time\"\n\"drawdown/shared/credit\"\n)\nfunc f(now time.Time) credit.Amount { return 0 }",
		"shared/ledger/x_test.go": "package ledger_test\nimport \"time\"\nvar now = time.Now",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range allRules(t) {
		for _, breach := range rule.Check(tree) {
			t.Errorf("rule %q: %s", rule.Name, breach)
		}
	}
}

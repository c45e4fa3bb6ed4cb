package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// The least of what the rules are applied to: a loop over nothing would pass.
const (
	leastFiles     = 400
	leastRules     = 26
	leastDomain    = 14
	leastFunctions = 13
)

// allRules are the rules, so that no loop can miss one.
func allRules(t *testing.T) []Rule {
	t.Helper()
	if n := len(Rules()); n < leastRules {
		t.Fatalf("there are %d rules", n)
	}
	return Rules()
}

// A rule about a package applies to nothing once the package has another name.
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
			for _, sdk := range places[f.Dir].sdks {
				if strings.Contains(name, sdk) {
					imported[sdk] = true
				}
			}
		}
		if f.In("functions") && f.AST.Name.Name == "main" && strings.HasSuffix(f.Path, "/main.go") {
			mains++
		}
	}
	inDomains := 0
	for dir, p := range places {
		if !sources[dir] {
			t.Errorf("there is no package %s", dir)
		}
		for _, sdk := range p.sdks {
			if !imported[sdk] {
				t.Errorf("%s does not import %s", dir, sdk)
			}
		}
		if p.kind == inDomain {
			inDomains++
		}
	}
	if inDomains < leastDomain || !sources["infra/stack"] {
		t.Errorf("the domain has %d packages, and infra/stack is there: %t", inDomains, sources["infra/stack"])
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
	{"every package has a place", "shared/treasury/x.go", "package treasury", "shared/treasury has no place"},
	{"every package has a place", "shared/ledger/ledgertest/deeper/x_test.go", "package deeper", "shared/ledger/ledgertest/deeper"},
	{"every package has a place", "shared/ledger/x.go", "package ledger", "shared/money has a place, and is not there"},
	{"domain imports", "shared/cashier/x.go", `package cashier; import "drawdown/shared/httpapi"`, "shared/httpapi"},
	{"domain imports", "shared/cashier/x.go", `package cashier; import "drawdown/shared/settlement"`, "shared/settlement"},
	{"domain imports", "shared/rollup/x.go", `package rollup; import "log/slog"`, "log/slog"},
	{"domain imports", "shared/audit/x.go", `package audit; import "drawdown/shared/ledger/ledgertest"`, "ledgertest"},
	{"domain imports", "shared/webhooks/x.go", `package webhooks; import "net/http"`, "net/http"},
	{"domain imports", "shared/ledger/x.go", `package ledger; import "drawdown/events"`, "drawdown/events"},
	{"adapters know the domain alone", "shared/dynamo/x.go", `package dynamo; import "drawdown/shared/stripepay"`, "shared/stripepay"},
	{"adapters know the domain alone", "shared/secrets/x.go", `package secrets; import "drawdown/shared/httpapi"`, "shared/httpapi"},
	{"adapters know the domain alone", "shared/outbound/x.go", `package outbound; import "drawdown/shared/telemetry"`, "shared/telemetry"},
	{"edges know no adapter", "shared/httpapi/x.go", `package httpapi; import "drawdown/shared/dynamo"`, "shared/dynamo"},
	{"edges know no adapter", "shared/lambdaio/x.go", `package lambdaio; import "drawdown/shared/httpapi"`, "shared/httpapi"},
	{"test kits are for tests", "functions/debit/x.go", `package main; import "drawdown/shared/dynamo/dynamotest"`, "dynamotest"},
	{"test kits are for tests", "shared/boot/x.go", `package boot; import "drawdown/shared/dynamo/dynamotest"`, "dynamotest"},
	{"test kits are for tests", "infra/load/x.go", `package load; import "drawdown/shared/commit/committest"`, "committest"},
	{"test kits are for tests", "shared/memory/x.go", `package memory; import "testing"`, "testing"},
	{"the contract stands alone", "events/x.go", `package events; import "drawdown/shared/ledger"`, "shared/ledger"},
	{"one importer a service", "shared/boot/x.go", `package boot; import "github.com/aws/aws-sdk-go-v2/service/dynamodb"`, "shared/dynamo"},
	{"one importer a service", "shared/usage/x.go", `package usage; import "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"`, "shared/dynamo"},
	{"one importer a service", "shared/billing/x.go", `package billing; import "github.com/stripe/stripe-go/v85"`, "shared/stripepay"},
	{"functions import no service", "functions/debit/x.go", `package main; import "github.com/aws/aws-sdk-go-v2/service/sqs"`, "sqs"},
	{"adapters are held by interfaces", "functions/debit/x.go", `package main; import "drawdown/shared/dynamo"; type h struct { store *dynamo.Ledger }`, "dynamo.Ledger"},
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
	{"no clock in the domain", "shared/usage/x.go", `package usage; import "time"; import clock "time"; var _ time.Time; var d = clock.Now`, "clock.Now"},
	{"no clock in the domain", "shared/usage/x.go", `package usage; import . "time"; var d = Now`, "dot import"},
	{"no clock in the domain", "shared/audit/x.go", `package audit; import "time"; var d = time.Since`, "time.Since"},
	{"no waiting in the domain", "shared/cashier/x.go", `package cashier; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
	{"no wire format in the domain", "shared/money/x.go", "package money; type T int; func (T) MarshalJSON() ([]byte, error) { return nil, nil }", "MarshalJSON"},
	{"no wire format in the domain", "shared/credit/x.go", "package credit; type T struct { A int `json:\"a\"` }", "a field tag"},
	{"no floats in the domain", "shared/credit/x.go", "package credit; var x float64", "float64"},
	{"no floats in the domain", "shared/billing/x.go", "package billing; var x = 0.5", "0.5"},
	{"no floats in the domain", "shared/webhooks/x.go", `package webhooks; import "math/rand/v2"; var x = rand.Float64()`, "Float64"},
	{"doc.go holds words", "shared/cashier/doc.go", "// Package cashier is documented.\npackage cashier\ntype T int", "shared/cashier/doc.go"},
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

// A file that breaks every rule of its layer is reported for each of them.
func TestTheDomainIsHeldInEveryPackage(t *testing.T) {
	const source = `package p
import ("time"; "drawdown/shared/dynamo")
type T struct { A float64 ` + "`json:\"a\"`" + ` }
func f(c *dynamo.Ledger) { T{A: 1}.at(time.Now()); time.Sleep(1) }`
	for dir, p := range places {
		if p.kind != inDomain {
			continue
		}
		tree, err := Parse(map[string]string{dir + "/x.go": source})
		if err != nil {
			t.Fatal(err)
		}
		broken := map[string]bool{}
		for _, rule := range slices.Concat(placeRules(), pureRules()) {
			broken[rule.Name] = len(rule.Check(tree)) > 0
		}
		for name, want := range map[string]bool{
			"domain imports": true, "no floats in the domain": true, "no wire format in the domain": true,
			"no clock in the domain": !p.clock, "no waiting in the domain": !p.waits,
		} {
			if broken[name] != want {
				t.Errorf("%s: rule %q is broken: %t", dir, name, broken[name])
			}
		}
	}
}

// What is right must pass: a rule that rejects everything is useless too.
func TestRightSourcesPass(t *testing.T) {
	sources := map[string]string{
		"Makefile": "", "LICENSE": "", ".github/CONTRIBUTING.md": "", "README.md": "", "cdk.json": "", "go.mod": "", "go.sum": "",
		"events/doc.go":           "// Package events is documented.\npackage events",
		"functions/debit/main.go": "// Command debit is documented.\npackage main\nimport \"drawdown/shared/dynamo\"\nvar _ = dynamo.Tables{}",
		"infra/emulator/x.go":     "// Package emulator is documented.\npackage emulator\nimport \"drawdown/infra/emulator/bus\"\nvar _ = bus.X",
		"infra/main.go":           "// Command infra may exit.\npackage main\nimport \"os\"\nfunc main() { os.Exit(1) }",
		"infra/stack/stack.go":    "// Package stack is documented.\npackage stack\nconst index = \"/index/by_seq\"",
		"infra/stack/x_test.go":   "package stack\nconst path = \"/v1/x\"",
		"shared/dynamo/x.go":      "// Package dynamo is documented.\npackage dynamo\nimport \"github.com/aws/aws-sdk-go-v2/service/dynamodb\"",
		"shared/ledger/x.go": "// Package ledger is documented.\npackage ledger\n" +
			"import (\n\"time\"\n\"drawdown/shared/credit\"\n)\nfunc f(now time.Time) credit.Amount { return 0 }",
		"shared/ledger/x_test.go":    "package ledger_test\nimport (\n\"time\"\n\"drawdown/shared/ledger/ledgertest\"\n)\nvar now = time.Now\nvar x = ledgertest.X",
		"shared/commit/x.go":         "// Package commit is documented, and reads the clock.\npackage commit\nimport \"time\"",
		"shared/commit/wait.go":      "package commit\nimport \"time\"\nvar now = time.Now",
		"shared/boot/x.go":           "// Package boot is documented, and wires.\npackage boot\nimport (\n_ \"drawdown/shared/dynamo\"\n_ \"drawdown/shared/lambdaio\"\n)",
		"shared/webhooks/address.go": "package webhooks\nimport (\n_ \"net/url\"\n_ \"drawdown/events\"\n)",
	}
	for dir := range places {
		if sources[dir+"/doc.go"] == "" {
			sources[dir+"/doc.go"] = "// Package " + path.Base(dir) + " is documented.\npackage " + path.Base(dir)
		}
	}
	tree, err := Parse(sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range allRules(t) {
		for _, breach := range rule.Check(tree) {
			t.Errorf("rule %q: %s", rule.Name, breach)
		}
	}
}

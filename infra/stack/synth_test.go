package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"drawdown/shared/httpapi"
)

// The stacks under test, by name. All are synthesized once, by TestMain.
const (
	prod    = "Prod"    // what a deployment gets by default
	dev     = "Dev"     // what the local platform runs
	alarmed = "Alarmed" // prod with an address for alarms
)

// assemblyDir is where TestMain has put templates and cdk-nag's reports.
var assemblyDir string

func TestMain(m *testing.M) {
	code, err := synthesizeAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot synthesize the stacks under test:", err)
		code = 1
	}
	os.Exit(code)
}

func synthesizeAndRun(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "drawdown-stack-test-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer jsii.Close()
	if err := synthesize(dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// synthesize makes all stacks under test, with the settings of cdk.json, from
// assets that are no binaries: what is under test is the template.
func synthesize(dir string) error {
	assets := filepath.Join(dir, "assets")
	for _, spec := range functionSpecs() {
		folder := filepath.Join(assets, spec.name)
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(spec.name), 0o600); err != nil {
			return err
		}
	}
	context, err := cdkContext()
	if err != nil {
		return err
	}
	assemblyDir = filepath.Join(dir, "assembly")
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(assemblyDir), Context: &context})
	defaults, err := ConfigFromContext(app.Node())
	if err != nil {
		return err
	}
	defaults.Assets = assets
	local, told := defaults, defaults
	local.Stage, local.Arch = StageDev, ArchX8664
	told.AlarmEmail = "oncall@example.com"
	for name, config := range map[string]Config{prod: defaults, dev: local, alarmed: told} {
		if _, err := New(app, name, config); err != nil {
			return err
		}
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Reports:       jsii.Bool(true),
		ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	}), nil)
	app.Synth(nil)
	return nil
}

// cdkContext is the context that the CDK command line takes from cdk.json.
func cdkContext() (map[string]any, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "cdk.json"))
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	return file.Context, json.Unmarshal(text, &file)
}

// The least of what loops go over: a loop over nothing would pass.
const (
	leastResources = 200
	leastRoutes    = 40
	leastTables    = 4
	leastKinds     = 10 // of messages to the outside
	leastCompliant = 50 // findings of cdk-nag that a rule is kept, in each stack
)

// template is a synthesized CloudFormation template, read as plain data.
type template struct {
	Parameters map[string]map[string]any
	Resources  map[string]resource
	Outputs    map[string]map[string]any
}

type resource struct {
	Type                string
	Properties          map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
}

func readTemplate(t *testing.T, stackName string) template {
	t.Helper()
	var parsed template
	if err := json.Unmarshal(readAssembly(t, stackName+".template.json"), &parsed); err != nil {
		t.Fatal(err)
	}
	if n := len(parsed.Resources); n < leastResources {
		t.Fatalf("the template of %s has %d resources: what it has none of would pass", stackName, n)
	}
	return parsed
}

func readAssembly(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(assemblyDir, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ofType lists the resources of one CloudFormation type by logical id, and
// fails the test if there is none: a test over nothing proves nothing.
func (tpl template) ofType(t *testing.T, cfnType string) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for id, r := range tpl.Resources {
		if r.Type == cfnType {
			found[id] = r
		}
	}
	if len(found) == 0 {
		t.Fatalf("the template has no %s", cfnType)
	}
	return found
}

// function finds a function's resource by the folder under functions/.
func (tpl template) function(t *testing.T, name string) (string, resource) {
	t.Helper()
	for id, r := range tpl.ofType(t, "AWS::Lambda::Function") {
		if r.Properties["FunctionName"] == FunctionName(name) {
			return id, r
		}
	}
	t.Fatalf("the template has no function %s", FunctionName(name))
	return "", resource{}
}

// at walks into nested maps; it returns nil where the path leads nowhere.
func at(value any, path ...string) any {
	for _, key := range path {
		m, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = m[key]
	}
	return value
}

// target is the logical id that a Ref or Fn::GetAtt leads to, or "".
func target(value any) string {
	if id, ok := at(value, "Ref").(string); ok {
		return id
	}
	if list, ok := at(value, "Fn::GetAtt").([]any); ok && len(list) > 0 {
		id, _ := list[0].(string)
		return id
	}
	return ""
}

// list makes a slice of what CloudFormation allows to be one value or several.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// allFunctions lists the functions by hand. It fails the test unless a template has just these, so that a loop over them
// leaves none out, and is never one over nothing.
func allFunctions(t *testing.T) []string {
	t.Helper()
	names := []string{
		httpapi.FunctionDebit, httpapi.FunctionManage, httpapi.FunctionUsage, FunctionRollup, httpapi.FunctionAudit,
		httpapi.FunctionPage, httpapi.FunctionCheckout, FunctionRelay, FunctionNotify, httpapi.FunctionWebhook, FunctionPurchase, FunctionRefill, FunctionRenew,
	}
	var deployed, listed []string
	for _, r := range readTemplate(t, prod).ofType(t, "AWS::Lambda::Function") {
		deployed = append(deployed, fmt.Sprint(r.Properties["FunctionName"]))
	}
	for _, name := range names {
		listed = append(listed, FunctionName(name))
	}
	slices.Sort(deployed)
	slices.Sort(listed)
	if !slices.Equal(listed, deployed) {
		t.Fatalf("the functions are %q, and those of the template %q", listed, deployed)
	}
	return names
}

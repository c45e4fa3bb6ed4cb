package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"

	"drawdown/events"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
)

// loadContract reads the document once for all tests.
var loadContract = sync.OnceValues(func() (libopenapi.Document, error) {
	return libopenapi.NewDocument([]byte(httpapi.Document()))
})

var buildModel = sync.OnceValues(func() (*v3.Document, error) {
	document, err := loadContract()
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	return &model.Model, nil
})

func contract(t testing.TB) *v3.Document {
	t.Helper()
	model, err := buildModel()
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func TestDocumentIsValidOpenAPI(t *testing.T) {
	document, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	if version := document.GetVersion(); !strings.HasPrefix(version, "3.1.") {
		t.Fatalf("the document is of version %s", version)
	}
	checks, faults := validator.NewValidator(document)
	if len(faults) > 0 {
		t.Fatal(errors.Join(faults...))
	}
	if valid, faults := checks.ValidateDocument(); !valid {
		t.Fatal(explain(faults))
	}
	if servers := contract(t).Servers; len(servers) > 0 {
		t.Error("the document has servers: paths are whole, and hosts are the deployment's")
	}
}

// operations lists the operations of the document by the key of their route.
func operations(t testing.TB) map[string]*v3.Operation {
	t.Helper()
	found := map[string]*v3.Operation{}
	for path, item := range contract(t).Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			found[strings.ToUpper(method)+" "+path] = operation
		}
	}
	return found
}

func TestEveryRouteIsOneOperation(t *testing.T) {
	found := operations(t)
	ids := map[string]string{}
	for _, route := range httpapi.Routes() {
		operation := found[route.Key()]
		if operation == nil {
			t.Errorf("%s is not in the document", route.Key())
			continue
		}
		delete(found, route.Key())
		if operation.OperationId == "" || operation.Summary == "" || operation.Description == "" || len(operation.Tags) != 1 {
			t.Errorf("%s lacks an operationId, a summary, a description or its one tag", route.Key())
		}
		if other, taken := ids[operation.OperationId]; taken {
			t.Errorf("%s and %s are both %s", route.Key(), other, operation.OperationId)
		}
		ids[operation.OperationId] = route.Key()
	}
	for key := range found {
		t.Errorf("%s is in the document and no route", key)
	}
}

func TestTagsAreDeclared(t *testing.T) {
	var declared []string
	for _, tag := range contract(t).Tags {
		declared = append(declared, tag.Name)
	}
	for key, operation := range operations(t) {
		for _, tag := range operation.Tags {
			if !slices.Contains(declared, tag) {
				t.Errorf("%s has the tag %q, which is not declared", key, tag)
			}
		}
	}
}

// parametersOf are the parameters of an operation, those of its path included.
func parametersOf(t testing.TB, route httpapi.Route) map[string]*v3.Parameter {
	t.Helper()
	item, found := contract(t).Paths.PathItems.Get(route.Path)
	if !found {
		t.Fatalf("the document has no path %s", route.Path)
	}
	parameters := map[string]*v3.Parameter{}
	for _, parameter := range slices.Concat(item.Parameters, operations(t)[route.Key()].Parameters) {
		parameters[parameter.In+" "+parameter.Name] = parameter
	}
	return parameters
}

// lookup finds a value in a map that need not be there; nil where there is none.
func lookup[V any](in *orderedmap.Map[string, *V], name string) *V {
	if in == nil {
		return nil
	}
	return in.GetOrZero(name)
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func TestOperationsSayWhatTheRouteDemands(t *testing.T) {
	for _, route := range httpapi.Routes() {
		operation := operations(t)[route.Key()]
		if operation == nil {
			t.Errorf("%s: the document does not describe it", route.Key())
			continue
		}
		if got, want := scopesOf(operation), scopeOf(route); got != want {
			t.Errorf("%s: security is %s, the route demands %s", route.Key(), got, want)
		}
		parameters := parametersOf(t, route)
		key := parameters["header Idempotency-Key"]
		if (key != nil) != route.Keyed || key != nil && (key.Required == nil || !*key.Required) {
			t.Errorf("%s: its Idempotency-Key parameter does not agree with Keyed=%v", route.Key(), route.Keyed)
		}
		names := pathParameter.FindAllStringSubmatch(route.Path, -1)
		for _, name := range names {
			if parameters["path "+name[1]] == nil {
				t.Errorf("%s: the parameter %s is not described", route.Key(), name[1])
			}
		}
		for _, status := range statusesOf(route) {
			if _, found := operation.Responses.Codes.Get(status); !found {
				t.Errorf("%s: the status %s is not described", route.Key(), status)
			}
		}
		if replay, found := operation.Responses.Codes.Get("200"); route.Keyed && (!found || lookup(replay.Headers, "Idempotent-Replayed") == nil) {
			t.Errorf("%s: a replay is not described", route.Key())
		}
	}
}

// statusesOf are the statuses that follow from a route alone.
func statusesOf(route httpapi.Route) []string {
	statuses := []string{"500"}
	if route.Access != httpapi.Public {
		statuses = append(statuses, "401", "403", "503")
	}
	if route.Method == http.MethodPost || route.Method == http.MethodPut {
		statuses = append(statuses, "400", "413", "422")
	}
	if strings.Contains(route.Path, "{") {
		statuses = append(statuses, "422")
	}
	return statuses
}

func scopeOf(route httpapi.Route) string {
	if route.Access == httpapi.Public {
		return "nothing"
	}
	return fmt.Sprintf("bearer [%s]", route.Access)
}

// scopesOf reads an operation's own security; what it inherits does not count.
func scopesOf(operation *v3.Operation) string {
	if operation.GoLow().Security.IsEmpty() {
		return "inherited"
	}
	var alternatives []string
	for _, requirement := range operation.Security {
		for scheme, scopes := range requirement.Requirements.FromOldest() {
			alternatives = append(alternatives, fmt.Sprintf("%s %v", scheme, scopes))
		}
	}
	if len(alternatives) == 0 {
		return "nothing"
	}
	return strings.Join(alternatives, " or ")
}

func TestEveryEventAndAlertIsListed(t *testing.T) {
	schemas := contract(t).Components.Schemas
	var kinds, alerts []string
	for _, kind := range events.Types() {
		kinds = append(kinds, string(kind))
	}
	for _, alert := range ledger.AlertKinds() {
		alerts = append(alerts, string(alert))
	}
	if got := textsOf(schemas.GetOrZero("EventType").Schema().Enum); !slices.Equal(got, kinds) {
		t.Errorf("EventType lists %v, want %v", got, kinds)
	}
	if got := schemas.GetOrZero("EventTypes").Schema().MaxItems; got == nil || *got != int64(len(kinds)) {
		t.Errorf("EventTypes may have more or fewer items than the %d types", len(kinds))
	}
	entry, found := schemas.GetOrZero("Entry").Schema().Properties.Get("alerts")
	if !found {
		t.Fatal("an Entry has no alerts")
	}
	if got := textsOf(entry.Schema().Items.A.Schema().Enum); !slices.Equal(got, alerts) {
		t.Errorf("the alerts of an Entry are %v, want %v", got, alerts)
	}
}

func TestEveryFaultIsAProblemType(t *testing.T) {
	schema, found := contract(t).Components.Schemas.Get("Problem")
	if !found {
		t.Fatal("the document has no schema Problem")
	}
	kind, found := schema.Schema().Properties.Get("type")
	if !found {
		t.Fatal("a Problem has no type")
	}
	listed := textsOf(kind.Schema().Enum)
	answered := map[string]bool{}
	for _, problem := range everyProblem(t) {
		answered[problem] = true
	}
	for _, code := range fault.Codes() {
		urn := httpapi.ProblemOf(fault.New(code, "x")).Type
		if !slices.Contains(listed, urn) {
			t.Errorf("%s is not listed", urn)
		}
		if !answered[urn] {
			t.Errorf("%s is listed, and no response of the document may have it", urn)
		}
		listed = slices.DeleteFunc(listed, func(s string) bool { return s == urn })
	}
	if len(listed) > 0 {
		t.Errorf("%v are listed, and nothing answers with them", listed)
	}
}

// everyProblem lists the types that responses of the document may have.
func everyProblem(t testing.TB) []string {
	t.Helper()
	var types []string
	for _, operation := range operations(t) {
		for _, response := range operation.Responses.Codes.FromOldest() {
			media := lookup(response.Content, "application/problem+json")
			if media == nil {
				continue
			}
			for _, part := range media.Schema.Schema().AllOf {
				if kind := lookup(part.Schema().Properties, "type"); kind != nil && !part.IsReference() {
					types = append(types, textsOf(kind.Schema().Enum)...)
				}
			}
		}
	}
	return types
}

func textsOf(nodes []*yaml.Node) []string {
	var texts []string
	for _, node := range nodes {
		texts = append(texts, node.Value)
	}
	return texts
}

func TestErrorsAreProblemsOfTheirStatus(t *testing.T) {
	for key, operation := range operations(t) {
		for status, response := range operation.Responses.Codes.FromOldest() {
			if status < "400" {
				continue
			}
			media := lookup(response.Content, "application/problem+json")
			if media == nil || orderedmap.Len(response.Content) != 1 {
				t.Errorf("%s: %s is no problem", key, status)
				continue
			}
			for name, example := range media.Examples.FromOldest() {
				var problem struct {
					Status string `yaml:"status"`
				}
				if err := example.Value.Decode(&problem); err != nil || problem.Status != status {
					t.Errorf("%s: the example %s of %s has the status %s", key, name, status, problem.Status)
				}
			}
			header := map[string]string{"401": "WWW-Authenticate", "503": "Retry-After"}[status]
			if header != "" && lookup(response.Headers, header) == nil {
				t.Errorf("%s: %s does not describe %s", key, status, header)
			}
		}
	}
}

// Whatever is not described is a mistake of one side: only problems, and the
// parts that a closed schema is made of, may be open.
func TestObjectsAreClosed(t *testing.T) {
	open := []string{"Problem", "InsufficientCreditsProblem"}
	var parts []string
	for _, proxy := range contract(t).Components.Schemas.FromOldest() {
		for _, part := range proxy.Schema().AllOf {
			if proxy.Schema().UnevaluatedProperties != nil {
				parts = append(parts, part.GetReference())
			}
		}
	}
	for name, proxy := range contract(t).Components.Schemas.FromOldest() {
		schema := proxy.Schema()
		closed := schema.AdditionalProperties != nil && schema.AdditionalProperties.IsB() && !schema.AdditionalProperties.B ||
			schema.UnevaluatedProperties != nil && schema.UnevaluatedProperties.IsB() && !schema.UnevaluatedProperties.B
		isObject := orderedmap.Len(schema.Properties) > 0 || len(schema.AllOf) > 0
		if isObject && !closed && !slices.Contains(open, name) && !slices.Contains(parts, "#/components/schemas/"+name) {
			t.Errorf("%s allows members that are not described", name)
		}
	}
}

func TestExamplesFitTheirSchemas(t *testing.T) {
	checked := 0
	check := func(where string, schema *base.SchemaProxy, example *yaml.Node) {
		if example == nil || schema == nil {
			t.Errorf("%s lacks its example or its schema", where)
			return
		}
		checked++
		if err := fits(schema, example); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	checkMedia := func(where string, content *orderedmap.Map[string, *v3.MediaType]) {
		for kind, media := range content.FromOldest() {
			if kind != "application/yaml" && orderedmap.Len(media.Examples) == 0 {
				t.Errorf("%s: %s has no example", where, kind)
			}
			for name, example := range media.Examples.FromOldest() {
				check(where+" "+name, media.Schema, example.Value)
			}
		}
	}
	for _, route := range httpapi.Routes() {
		operation := operations(t)[route.Key()]
		for name, parameter := range parametersOf(t, route) {
			check(route.Key()+" "+name, parameter.Schema, parameter.Example)
		}
		if operation.RequestBody != nil {
			checkMedia(route.Key(), operation.RequestBody.Content)
		}
		for status, response := range operation.Responses.Codes.FromOldest() {
			checkMedia(route.Key()+" "+status, response.Content)
			for name, header := range response.Headers.FromOldest() {
				check(route.Key()+" "+status+" "+name, header.Schema, header.Example)
			}
		}
	}
	for name, proxy := range contract(t).Components.Schemas.FromOldest() {
		for _, example := range proxy.Schema().Examples {
			check(name, proxy, example)
		}
	}
	if checked < 200 {
		t.Errorf("only %d examples were found", checked)
	}
}

var schemas = sync.OnceValue(func() schema_validation.SchemaValidator {
	return schema_validation.NewSchemaValidator(config.WithFormatAssertions())
})

// fits tells how an example breaks its schema.
func fits(schema *base.SchemaProxy, example *yaml.Node) error {
	var value any
	if err := example.Decode(&value); err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return fitsJSON(schema, text)
}

// fitsJSON tells how a JSON text breaks a schema.
func fitsJSON(schema *base.SchemaProxy, text []byte) error {
	if valid, faults := schemas().ValidateSchemaBytes(schema.Schema(), text); !valid {
		return fmt.Errorf("%s: %w", text, explain(faults))
	}
	return nil
}

func explain(faults []*validation.ValidationError) error {
	all := []error{errors.New("invalid")}
	for _, found := range faults {
		all = append(all, errors.New(found.Message+": "+found.Reason))
		for _, detail := range found.SchemaValidationErrors {
			all = append(all, fmt.Errorf("  %s: %s", detail.FieldPath, detail.Reason))
		}
	}
	return errors.Join(all...)
}

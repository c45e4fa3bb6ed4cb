package stack

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

func TestTablesSurviveMistakes(t *testing.T) {
	tpl := readTemplate(t, prod)
	for _, table := range tables(t) {
		r := tpl.table(t, table)
		for what, ok := range map[string]bool{
			"deletion protection":     r.Properties["DeletionProtectionEnabled"] == true,
			"point-in-time recovery":  at(r.Properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") == true,
			"kept when it leaves":     r.DeletionPolicy == "Retain",
			"kept when it is renewed": r.UpdateReplacePolicy == "Retain",
			"on demand":               r.Properties["BillingMode"] == "PAY_PER_REQUEST",
			"encrypted by a key of our own": at(r.Properties, "SSESpecification", "SSEType") == "KMS" &&
				tpl.Resources[target(at(r.Properties, "SSESpecification", "KMSMasterKeyId"))].Type == "AWS::KMS::Key",
		} {
			if !ok {
				t.Errorf("table %s: want %s", table.Name, what)
			}
		}
	}
	for id, key := range tpl.ofType(t, "AWS::KMS::Key") {
		if key.Properties["EnableKeyRotation"] != true || key.DeletionPolicy != "Retain" {
			t.Errorf("key %s: want rotation and DeletionPolicy Retain, or the tables become unreadable", id)
		}
	}
}

// Only Wallets is streamed: the stream only triggers, the ledger has the data.
func TestStreams(t *testing.T) {
	tpl := readTemplate(t, prod)
	for _, table := range tables(t) {
		got := at(tpl.table(t, table).Properties, "StreamSpecification", "StreamViewType")
		if table.Name == dynamo.WalletsTable.Name && got != "NEW_AND_OLD_IMAGES" {
			t.Errorf("stream view of %s = %v, want NEW_AND_OLD_IMAGES", table.Name, got)
		}
		if table.Name != dynamo.WalletsTable.Name && got != nil {
			t.Errorf("table %s is streamed (%v), want no stream", table.Name, got)
		}
	}
}

// tables are those of the schema, which a loop must not miss.
func tables(t *testing.T) []dynamo.Table {
	t.Helper()
	if n := len(dynamo.Schema()); n < leastTables {
		t.Fatalf("the schema has %d tables", n)
	}
	return dynamo.Schema()
}

func TestTablesHaveTheSchemasKeys(t *testing.T) {
	tpl := readTemplate(t, prod)
	for _, table := range tables(t) {
		properties := tpl.table(t, table).Properties
		want := []string{"table " + keyText(table.Partition, table.Sort) + " ALL"}
		for _, index := range table.Indexes {
			projection := "ALL"
			if index.KeysOnly {
				projection = "KEYS_ONLY"
			}
			want = append(want, index.Name+" "+keyText(index.Partition, index.Sort)+" "+projection)
		}
		got := []string{"table " + schemaText(properties, properties["KeySchema"]) + " ALL"}
		for _, index := range list(properties["GlobalSecondaryIndexes"]) {
			got = append(got, fmt.Sprintf("%s %s %s", at(index, "IndexName"),
				schemaText(properties, at(index, "KeySchema")), at(index, "Projection", "ProjectionType")))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("table %s: keys and indexes = %q, want %q", table.Name, got, want)
		}
	}
}

func keyText(attributes ...dynamo.Attribute) string {
	var parts []string
	for i, a := range attributes {
		if a.Name != "" {
			parts = append(parts, fmt.Sprintf("%s:%s:%s", []string{"HASH", "RANGE"}[i], a.Name, a.Type))
		}
	}
	return strings.Join(parts, " ")
}

func schemaText(properties map[string]any, schema any) string {
	types := map[any]any{}
	for _, definition := range list(properties["AttributeDefinitions"]) {
		types[at(definition, "AttributeName")] = at(definition, "AttributeType")
	}
	var parts []string
	for _, key := range list(schema) {
		name := at(key, "AttributeName")
		parts = append(parts, fmt.Sprintf("%s:%s:%s", at(key, "KeyType"), name, types[name]))
	}
	return strings.Join(parts, " ")
}

// table finds a table's resource by its logical id, which begins with its name.
func (tpl template) table(t *testing.T, table dynamo.Table) resource {
	t.Helper()
	for id, r := range tpl.ofType(t, "AWS::DynamoDB::Table") {
		if strings.HasPrefix(id, table.Name+"Table") {
			return r
		}
	}
	t.Fatalf("the template has no table %s", table.Name)
	return resource{}
}

func TestDevStageLeavesNothingBehind(t *testing.T) {
	for id, r := range readTemplate(t, dev).Resources {
		if r.DeletionPolicy == "Retain" || r.Properties["DeletionProtectionEnabled"] == true {
			t.Errorf("%s outlives a dev stack", id)
		}
	}
}

func TestFunctions(t *testing.T) {
	timeouts := map[string]float64{
		httpapi.FunctionDebit: 10, httpapi.FunctionManage: 10, httpapi.FunctionUsage: 10,
		FunctionRollup: 60, httpapi.FunctionAudit: 900, httpapi.FunctionCheckout: 29, FunctionRelay: 60, FunctionNotify: 60,
		httpapi.FunctionWebhook: 10, FunctionPurchase: 60, FunctionRefill: 120, FunctionRenew: 300,
		httpapi.FunctionPage: 5,
	}
	for stackName, arch := range map[string]string{prod: "arm64", dev: "x86_64"} {
		tpl := readTemplate(t, stackName)
		if got := len(tpl.ofType(t, "AWS::Lambda::Function")); got != len(allFunctions(t)) {
			t.Errorf("%s has %d functions, want %d", stackName, got, len(allFunctions(t)))
		}
		for _, name := range allFunctions(t) {
			_, r := tpl.function(t, name)
			got := map[string]any{}
			for _, property := range []string{"Architectures", "Runtime", "Handler", "Timeout"} {
				got[property] = r.Properties[property]
			}
			want := map[string]any{
				"Architectures": []any{arch}, "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": timeouts[name],
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s in %s = %v, want %v", name, stackName, got, want)
			}
		}
	}
}

func TestEveryLogEndsAndEveryFunctionHasOne(t *testing.T) {
	tpl := readTemplate(t, prod)
	for id, r := range tpl.ofType(t, "AWS::Logs::LogGroup") {
		if days, ok := r.Properties["RetentionInDays"].(float64); !ok || days <= 0 {
			t.Errorf("log group %s is kept for ever", id)
		}
	}
	for id, r := range tpl.ofType(t, "AWS::Lambda::Function") {
		group := tpl.Resources[target(at(r.Properties, "LoggingConfig", "LogGroup"))]
		if group.Type != "AWS::Logs::LogGroup" || at(r.Properties, "LoggingConfig", "LogFormat") != "JSON" {
			t.Errorf("function %s: want JSON logs in a log group of the stack, or Lambda makes one without an end", id)
		}
	}
}

// secretLike matches what no literal in the environment may look like: one of
// our keys, a Stripe secret, or a long run of hex or base64.
var secretLike = regexp.MustCompile(`dk_|sk_|whsec_|[0-9a-f]{32}|[A-Za-z0-9+/]{40}`)

func TestNoSecretInTheTemplate(t *testing.T) {
	tpl := readTemplate(t, prod)
	parameter := tpl.Parameters["OperatorKey"]
	if parameter["NoEcho"] != true || parameter["Default"] != nil {
		t.Errorf("parameter OperatorKey = %v, want NoEcho and no default", parameter)
	}
	for id, r := range tpl.ofType(t, "AWS::Lambda::Function") {
		variables, _ := at(r.Properties, "Environment", "Variables").(map[string]any)
		want := "OperatorKey"
		if r.Properties["FunctionName"] == FunctionName(httpapi.FunctionPage) {
			want = "" // it serves files to everybody
		}
		if target(variables["OPERATOR_KEY"]) != want {
			t.Errorf("function %s: OPERATOR_KEY = %v, want the parameter %q", id, variables["OPERATOR_KEY"], want)
		}
		for name, value := range variables {
			if literal, ok := value.(string); ok && secretLike.MatchString(literal) {
				t.Errorf("function %s: %s holds what looks like a secret", id, name)
			}
		}
	}
}

func TestOperatorKeyPattern(t *testing.T) {
	pattern, _ := readTemplate(t, prod).Parameters["OperatorKey"]["AllowedPattern"].(string)
	allowed := regexp.MustCompile("^(?:" + pattern + ")$")
	hash := strings.Repeat("0a", 32)
	for value, want := range map[string]bool{
		"op1:" + hash: true, hash: false, "op1:": false, ":" + hash: false, "op1:" + hash + "0": false,
		"op1:" + strings.ToUpper(hash): false, "dk_op1_secret": false,
	} {
		if allowed.MatchString(value) != want {
			t.Errorf("OperatorKey %q allowed = %v, want %v", value, !want, want)
		}
	}
}

// A function gets the names of exactly the tables that its role may access.
func TestEnvironmentNamesTheTablesOfTheRole(t *testing.T) {
	tpl := readTemplate(t, prod)
	for _, name := range allFunctions(t) {
		_, r := tpl.function(t, name)
		variables, _ := at(r.Properties, "Environment", "Variables").(map[string]any)
		var told, may []string
		for _, value := range variables {
			if id := target(value); tpl.Resources[id].Type == "AWS::DynamoDB::Table" {
				told = append(told, id)
			}
		}
		for _, p := range tpl.permissions(t, target(r.Properties["Role"])) {
			if slices.Contains([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}, p.action) {
				continue // of the stream, which Lambda reads in the function's name
			}
			if tpl.Resources[p.resource].Type == "AWS::DynamoDB::Table" && !slices.Contains(may, p.resource) {
				may = append(may, p.resource)
			}
		}
		sort.Strings(told)
		sort.Strings(may)
		if !reflect.DeepEqual(told, may) {
			t.Errorf("%s gets the names of %v and may access %v", name, told, may)
		}
	}
}

func TestBackdatingByStage(t *testing.T) {
	for stackName, days := range map[string]string{prod: "35", dev: "90"} {
		_, r := readTemplate(t, stackName).function(t, httpapi.FunctionDebit)
		if got := at(r.Properties, "Environment", "Variables", "MAX_BACKDATE_DAYS"); got != days {
			t.Errorf("%s: MAX_BACKDATE_DAYS = %v, want %s", stackName, got, days)
		}
	}
}

func TestRoutesAreTheTable(t *testing.T) {
	tpl := readTemplate(t, prod)
	want := map[string]string{}
	for _, route := range httpapi.Routes() {
		want[route.Key()] = FunctionName(route.Function)
	}
	got := map[string]string{}
	for id, r := range tpl.ofType(t, "AWS::ApiGatewayV2::Route") {
		integration := tpl.Resources[lastRef(r.Properties["Target"])]
		if integration.Properties["PayloadFormatVersion"] != "2.0" || integration.Properties["IntegrationType"] != "AWS_PROXY" {
			t.Errorf("route %s: integration %v, want AWS_PROXY with payload 2.0", id, integration.Properties)
		}
		function := tpl.Resources[target(integration.Properties["IntegrationUri"])]
		key, _ := r.Properties["RouteKey"].(string)
		got[key], _ = function.Properties["FunctionName"].(string)
	}
	if len(want) < leastRoutes {
		t.Errorf("there are %d routes", len(want))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("routes of the template = %v\nwant those of the table, %v", got, want)
	}
	served := map[string]bool{}
	for _, function := range want {
		served[function] = true
	}
	if n := len(tpl.ofType(t, "AWS::ApiGatewayV2::Integration")); n != len(served) {
		t.Errorf("%d integrations, want one for each of %d functions", n, len(served))
	}
}

// lastRef is the logical id of the last Ref in an Fn::Join.
func lastRef(value any) string {
	join := list(at(value, "Fn::Join"))
	if len(join) != 2 {
		return ""
	}
	parts := list(join[1])
	for i := len(parts) - 1; i >= 0; i-- {
		if id := target(parts[i]); id != "" {
			return id
		}
	}
	return ""
}

func TestOnlyTheAPIAndTheSchedulesInvoke(t *testing.T) {
	tpl := readTemplate(t, prod)
	for id, r := range tpl.ofType(t, "AWS::Lambda::Permission") {
		source, err := json.Marshal(r.Properties["SourceArn"])
		if err != nil {
			t.Fatal(err)
		}
		api := r.Properties["Principal"] == "apigateway.amazonaws.com" && strings.Contains(string(source), `{"Ref":"HttpApi"}`)
		schedule := r.Properties["Principal"] == "events.amazonaws.com" &&
			tpl.Resources[target(r.Properties["SourceArn"])].Type == "AWS::Events::Rule"
		if !api && !schedule {
			t.Errorf("permission %s = %v, want API Gateway, from this API alone, or a schedule of the stack", id, r.Properties)
		}
	}
}

func TestAccessLogHoldsNoCredentials(t *testing.T) {
	tpl := readTemplate(t, prod)
	for id, r := range tpl.ofType(t, "AWS::ApiGatewayV2::Stage") {
		format, _ := at(r.Properties, "AccessLogSettings", "Format").(string)
		var fields map[string]string
		if err := json.Unmarshal([]byte(format), &fields); err != nil {
			t.Errorf("stage %s: access log line is not JSON: %v", id, err)
		}
		if fields["status"] == "" || fields["request_id"] == "" || fields["latency_ms"] == "" {
			t.Errorf("stage %s: access log lacks status, request id or latency: %s", id, format)
		}
		for _, forbidden := range []string{"header", "query", "authorizer", "cookie", "authorization", "body"} {
			if strings.Contains(strings.ToLower(format), forbidden) {
				t.Errorf("stage %s: access log has %q in its format: keys and tokens travel there", id, forbidden)
			}
		}
		for _, limit := range []string{"ThrottlingRateLimit", "ThrottlingBurstLimit"} {
			if n, ok := at(r.Properties, "DefaultRouteSettings", limit).(float64); !ok || n <= 0 {
				t.Errorf("stage %s has no %s", id, limit)
			}
		}
	}
}

func TestAlarmsCoverEveryFunctionAndTable(t *testing.T) {
	tpl := readTemplate(t, prod)
	watched := map[string]bool{}
	for id, r := range tpl.ofType(t, "AWS::CloudWatch::Alarm") {
		text, _ := json.Marshal(r.Properties)
		for resourceID := range tpl.Resources {
			for _, metric := range []string{"Errors", "Throttles", "Duration", "SystemErrors", "5xx"} {
				if strings.Contains(string(text), `{"Ref":"`+resourceID+`"}`) && strings.Contains(string(text), `"MetricName":"`+metric+`"`) {
					watched[metric+" "+resourceID] = true
				}
			}
		}
		if strings.Contains(string(text), `"MetricName":"Contended"`) && strings.Contains(string(text), `"Value":"drawdown-debit"`) {
			watched["Contended"] = true
		}
		silence := "notBreaching"
		if strings.HasPrefix(id, "AuditSilent") {
			silence = "breaching"
		}
		if r.Properties["AlarmDescription"] == "" || r.Properties["TreatMissingData"] != silence {
			t.Errorf("alarm %s: want a description, and silence to be %s", id, silence)
		}
	}
	want := []string{"Contended", "5xx HttpApi"}
	debit, _ := tpl.function(t, httpapi.FunctionDebit)
	want = append(want, "Duration "+debit)
	for id := range tpl.ofType(t, "AWS::Lambda::Function") {
		want = append(want, "Errors "+id, "Throttles "+id)
	}
	for id := range tpl.ofType(t, "AWS::DynamoDB::Table") {
		want = append(want, "SystemErrors "+id)
	}
	for _, w := range want {
		if !watched[w] {
			t.Errorf("no alarm watches %s", w)
		}
	}
}

func TestAlarmEmailIsTold(t *testing.T) {
	tpl := readTemplate(t, alarmed)
	for id, r := range tpl.ofType(t, "AWS::CloudWatch::Alarm") {
		if actions := list(r.Properties["AlarmActions"]); len(actions) != 1 || tpl.Resources[target(actions[0])].Type != "AWS::SNS::Topic" {
			t.Errorf("alarm %s tells nobody", id)
		}
	}
	for id, r := range tpl.ofType(t, "AWS::SNS::Subscription") {
		if r.Properties["Endpoint"] != "oncall@example.com" || r.Properties["Protocol"] != "email" {
			t.Errorf("subscription %s = %v", id, r.Properties)
		}
	}
}

func TestOutputs(t *testing.T) {
	tpl := readTemplate(t, prod)
	debit, _ := tpl.function(t, httpapi.FunctionDebit)
	for name, want := range map[string]string{"ApiUrl": "HttpApi", "DebitFunctionName": debit, "DebitFunctionArn": debit} {
		if got := target(tpl.Outputs[name]["Value"]); got != want {
			t.Errorf("output %s leads to %q, want %q", name, got, want)
		}
	}
}

// Every change of a wallet triggers the roll-up, and every one with pending
// events the relay, from the first on; one failed record does not hold the
// others back for long, and batches that failed for good are kept for the
// function that they were meant for.
func TestStreamMappings(t *testing.T) {
	tpl := readTemplate(t, prod)
	filters := map[string]any{
		FunctionName(FunctionRollup): nil,
		FunctionName(FunctionRelay): []any{
			map[string]any{"Pattern": pendingEvents()[0]}, map[string]any{"Pattern": pendingEvents()[1]},
		},
	}
	for _, mapping := range tpl.ofType(t, "AWS::Lambda::EventSourceMapping") {
		p := mapping.Properties
		if !strings.HasPrefix(target(p["EventSourceArn"]), dynamo.WalletsTable.Name+"Table") {
			continue
		}
		name, _ := tpl.Resources[target(p["FunctionName"])].Properties["FunctionName"].(string)
		want, wakes := filters[name]
		delete(filters, name)
		bucket := target(at(p, "DestinationConfig", "OnFailure", "Destination"))
		_, function := tpl.function(t, strings.TrimPrefix(name, "drawdown-"))
		for what, ok := range map[string]bool{
			"wakes the roll-up or the relay":      wakes,
			"for what it is filtered":             reflect.DeepEqual(at(p, "FilterCriteria", "Filters"), want),
			"from the first record on":            p["StartingPosition"] == "TRIM_HORIZON",
			"bisects":                             p["BisectBatchOnFunctionError"] == true,
			"partial failures":                    reflect.DeepEqual(p["FunctionResponseTypes"], []any{"ReportBatchItemFailures"}),
			"bounded retries":                     p["MaximumRetryAttempts"] == 10.0,
			"bounded age":                         p["MaximumRecordAgeInSeconds"] == 21600.0,
			"keeps what it gives up on":           tpl.Resources[bucket].Type == "AWS::S3::Bucket",
			"in the bucket that it sweeps itself": target(at(function.Properties, "Environment", "Variables", "FAILURES_BUCKET")) == bucket,
		} {
			if !ok {
				t.Errorf("stream mapping of %s: want %s", name, what)
			}
		}
	}
	if len(filters) > 0 {
		t.Errorf("nothing wakes %v", filters)
	}
}

func TestSchedules(t *testing.T) {
	tpl := readTemplate(t, prod)
	var got []string
	for _, rule := range tpl.ofType(t, "AWS::Events::Rule") {
		if rule.Properties["ScheduleExpression"] == nil {
			continue
		}
		for _, to := range list(rule.Properties["Targets"]) {
			name, _ := tpl.Resources[target(at(to, "Arn"))].Properties["FunctionName"].(string)
			got = append(got, fmt.Sprintf("%s %v %v", name, rule.Properties["ScheduleExpression"], at(to, "Input")))
		}
	}
	want := []string{
		FunctionName(FunctionRollup) + ` rate(5 minutes) {"sweep":true}`,
		FunctionName(FunctionRelay) + ` rate(5 minutes) {"sweep":true}`,
		FunctionName(FunctionNotify) + ` rate(1 minute) {"retry":true}`,
		FunctionName(FunctionRefill) + ` rate(5 minutes) {"sweep":true}`,
		FunctionName(FunctionRenew) + ` cron(10 2 * * ? *) {"expire":true}`,
		FunctionName(FunctionRenew) + ` rate(15 minutes) {"due":true}`,
		FunctionName(httpapi.FunctionAudit) + ` cron(10 3 * * ? *) {"all":true}`,
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("schedules = %v\n   want %v", got, want)
	}
}

package emulator_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"drawdown/infra/emulator"
)

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
}

type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(function, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, function+": "+line)
}

func (r *record) contains(part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.lines, func(line string) bool { return strings.Contains(line, part) })
}

func TestPlatform(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("AWS_PROFILE", "must-not-reach-functions")
	logs := &record{}
	o := options(assembly(t, nil))
	o.Logs = logs.add
	p := start(t, o)

	t.Run("names", func(t *testing.T) { testNames(t, p) })
	t.Run("tables", func(t *testing.T) { testTables(t, p) })
	t.Run("environment", func(t *testing.T) { testEnvironment(t, p) })
	t.Run("http", func(t *testing.T) { testHTTP(t, p) })
	t.Run("invoke", func(t *testing.T) { testInvoke(t, p, logs) })
	t.Run("kill", func(t *testing.T) { testKill(t, p) })

	pids := p.Processes()
	if len(pids) < 2 {
		t.Errorf("the processes are %v", pids)
	}
	stop(t, p)
	stop(t, p)
	if left := p.Processes(); len(left) > 0 {
		t.Errorf("the processes %v are left", left)
	}
	for _, pid := range pids {
		if !ended(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	for _, url := range []string{p.URL(), p.InvokeURL(), p.DynamoDBURL()} {
		if _, _, err := get(t, url); err == nil {
			t.Errorf("%s still listens", url)
		}
	}
	if left, err := filepath.Glob(filepath.Join(temp, "emulator-*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

func testNames(t *testing.T, p *emulator.Platform) {
	for logical, want := range map[string]string{
		"Things": "Probe-Things0A1B2C3D", "Things0A1B2C3D": "Probe-Things0A1B2C3D", "Place": "places", "Other": "", "": "",
	} {
		if got := p.TableName(logical); got != want {
			t.Errorf("TableName(%q) is %q, want %q", logical, got, want)
		}
	}
	if got, want := p.FunctionNames(), []string{"probe-echo", "probe-slow"}; !slices.Equal(got, want) {
		t.Errorf("the functions are %q, want %q", got, want)
	}
	want := []string{
		"EchoLog11111111 (AWS::Logs::LogGroup): logs go to the terminal",
		"EchoPermission (AWS::Lambda::Permission): permissions are not checked",
		"KeyF1A2B3C4 (AWS::KMS::Key): nothing is encrypted at rest",
		"RoleABCDEF01 (AWS::IAM::Role): permissions are not checked",
	}
	if got := p.Inert(); !slices.Equal(got, want) {
		t.Errorf("the inert resources are %q, want %q", got, want)
	}
	for _, url := range []string{p.URL(), p.InvokeURL(), p.DynamoDBURL()} {
		if !strings.HasPrefix(url, "http://127.0.0.1:") {
			t.Errorf("%s is not on loopback", url)
		}
	}
}

func testTables(t *testing.T, p *emulator.Platform) {
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.DynamoDBURL()), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	output, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(p.TableName("Things"))})
	check(t, err)
	table := output.Table
	key := []ddbtypes.KeySchemaElement{
		{AttributeName: aws.String("pk"), KeyType: ddbtypes.KeyTypeHash},
		{AttributeName: aws.String("sk"), KeyType: ddbtypes.KeyTypeRange},
	}
	if !reflect.DeepEqual(table.KeySchema, key) {
		t.Errorf("the key is %+v", table.KeySchema)
	}
	if len(table.GlobalSecondaryIndexes) != 1 {
		t.Fatalf("the indexes are %+v", table.GlobalSecondaryIndexes)
	}
	index := table.GlobalSecondaryIndexes[0]
	projection := &ddbtypes.Projection{ProjectionType: ddbtypes.ProjectionTypeInclude, NonKeyAttributes: []string{"name"}}
	if aws.ToString(index.IndexName) != "by_kind" || !reflect.DeepEqual(index.Projection, projection) {
		t.Errorf("the index is %+v", index)
	}
	if table.BillingModeSummary.BillingMode != ddbtypes.BillingModePayPerRequest {
		t.Errorf("the billing mode is %s", table.BillingModeSummary.BillingMode)
	}
	if table.StreamSpecification.StreamViewType != ddbtypes.StreamViewTypeNewAndOldImages {
		t.Errorf("the stream is %+v", table.StreamSpecification)
	}
}

func testEnvironment(t *testing.T, p *emulator.Platform) {
	var answer struct {
		Environment []string `json:"environment"`
		Args        []string `json:"args"`
	}
	check(t, json.Unmarshal(call(t, p, "probe-echo", `{}`).Payload, &answer))
	got := map[string]string{}
	for _, variable := range answer.Environment {
		name, value, _ := strings.Cut(variable, "=")
		got[name] = value
	}
	if want := filepath.Join(got["LAMBDA_TASK_ROOT"], "bootstrap"); len(answer.Args) != 1 || answer.Args[0] != want ||
		!strings.HasSuffix(want, "/functions/echo/bootstrap") {
		t.Errorf("the arguments are %q, want %q", answer.Args, want)
	}
	if !strings.HasPrefix(got["THINGS_STREAM"], "arn:") {
		t.Errorf("THINGS_STREAM is %q", got["THINGS_STREAM"])
	}
	if _, _, err := net.SplitHostPort(got["AWS_LAMBDA_RUNTIME_API"]); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "THINGS_STREAM", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID",
	} { // these differ from run to run
		if got[name] == "" {
			t.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	if id := got["AWS_ACCESS_KEY_ID"]; !strings.HasPrefix(id, "LOCALACCESSKEY") || len(id) != 22 {
		t.Errorf("the id of the access key, by which services know the function, is %q", id)
	}
	delete(got, "AWS_ACCESS_KEY_ID")
	want := map[string]string{
		"AWS_SECRET_ACCESS_KEY": "local-secret-access-key", "AWS_SESSION_TOKEN": "local-session-token",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_FUNCTION_NAME": "probe-echo", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_LOG_GROUP_NAME": "Probe-EchoLog11111111", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "LANG": "en_US.UTF-8", "PATH": os.Getenv("PATH"), "TZ": ":UTC", "_HANDLER": "bootstrap",
		"AWS_ENDPOINT_URL_DYNAMODB": p.DynamoDBURL(), "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": p.DynamoDBURL(), "AWS_ENDPOINT_URL_LAMBDA": p.InvokeURL(), "AWS_ENDPOINT_URL_S3": p.S3URL(),
		"AWS_ENDPOINT_URL_EVENTBRIDGE": p.EventBridgeURL(), "AWS_ENDPOINT_URL_SECRETS_MANAGER": p.SecretsURL(), "AWS_ENDPOINT_URL_SQS": p.SQSURL(),
		"THINGS_TABLE": "Probe-Things0A1B2C3D", "PLACES_TABLE": "places", "OPERATOR_KEY": operatorKey, "HOME_PAGE": p.URL() + "/usage",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the environment is\n%v\nwant\n%v", got, want)
	}
}

func testHTTP(t *testing.T, p *emulator.Platform) {
	status, answer, err := get(t, p.URL()+"/things/a%20b?x=1&x=2")
	check(t, err)
	var event struct {
		RouteKey              string            `json:"routeKey"`
		PathParameters        map[string]string `json:"pathParameters"`
		QueryStringParameters map[string]string `json:"queryStringParameters"`
	}
	check(t, json.Unmarshal([]byte(answer), &event))
	if status != http.StatusOK || event.RouteKey != "GET /things/{id}" || event.PathParameters["id"] != "a b" ||
		event.QueryStringParameters["x"] != "1,2" {
		t.Errorf("%d %+v", status, event)
	}
	status, answer, err = get(t, p.URL()+"/nothing")
	check(t, err)
	if status != http.StatusNotFound || answer != `{"message":"Not Found"}` {
		t.Errorf("%d %s", status, answer)
	}
}

func client(p *emulator.Platform) *lambda.Client {
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.InvokeURL()), Credentials: aws.CredentialsProviderFunc(credentials), RetryMaxAttempts: 1,
	})
}

func call(t *testing.T, p *emulator.Platform, name, payload string) *lambda.InvokeOutput {
	t.Helper()
	output, err := client(p).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(payload)})
	check(t, err)
	return output
}

func testInvoke(t *testing.T, p *emulator.Platform, logs *record) {
	for _, name := range []string{
		"probe-echo", "probe-echo:$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:probe-echo",
		"000000000000:function:probe-echo", "arn:aws:lambda:us-east-1:000000000000:function:probe-echo:$LATEST",
	} {
		output := call(t, p, name, `{"do":"echo","say":"äö<>"}`)
		if output.StatusCode != http.StatusOK || output.FunctionError != nil || string(output.Payload) != `{"do":"echo","say":"äö<>"}` {
			t.Errorf("%s: %d %v %s", name, output.StatusCode, output.FunctionError, output.Payload)
		}
	}
	output := call(t, p, "probe-echo", `{"do":"fail"}`)
	if aws.ToString(output.FunctionError) != "Unhandled" || !strings.Contains(string(output.Payload), `"errorMessage":"the probe fails"`) {
		t.Errorf("%v %s", output.FunctionError, output.Payload)
	}
	output, err := client(p).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("probe-echo"), Payload: []byte(`{"say":"for the tail"}`), LogType: lambdatypes.LogTypeTail,
	})
	check(t, err)
	if tail, err := base64.StdEncoding.DecodeString(aws.ToString(output.LogResult)); err != nil || !strings.Contains(string(tail), "for the tail") {
		t.Errorf("the tail is %q, %v", tail, err)
	}
	for kind, status := range map[lambdatypes.InvocationType]int32{"Event": 202, "DryRun": 204} {
		output, err := client(p).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("probe-echo"), Payload: []byte(`{"say":"invoked by ` + string(kind) + `"}`), InvocationType: kind,
		})
		check(t, err)
		if output.StatusCode != status || len(output.Payload) > 0 {
			t.Errorf("%s: %d %s", kind, output.StatusCode, output.Payload)
		}
	}
	for range 200 {
		if logs.contains("invoked by Event") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !logs.contains("probe-echo: invoked by Event") || logs.contains("invoked by DryRun") {
		t.Error("an asynchronous invocation runs, and a dry run does not")
	}
	testRefusals(t, p)
}

func testRefusals(t *testing.T, p *emulator.Platform) {
	invoke := func(name, payload, qualifier string) error {
		in := &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(payload)}
		if qualifier != "" {
			in.Qualifier = aws.String(qualifier)
		}
		_, err := client(p).Invoke(t.Context(), in)
		return err
	}
	var notFound *lambdatypes.ResourceNotFoundException
	for _, err := range []error{invoke("probe-none", `{}`, ""), invoke("probe-echo", `{}`, "live"), invoke("probe-echo:7", `{}`, "")} {
		if !errors.As(err, &notFound) {
			t.Errorf("got %v, want a ResourceNotFoundException", err)
		}
	}
	var badContent *lambdatypes.InvalidRequestContentException
	if err := invoke("probe-echo", `{`, ""); !errors.As(err, &badContent) {
		t.Errorf("got %v, want an InvalidRequestContentException", err)
	}
	var tooLarge *lambdatypes.RequestTooLargeException
	if err := invoke("probe-echo", `"`+strings.Repeat("x", 6<<20)+`"`, ""); !errors.As(err, &tooLarge) {
		t.Errorf("got %v, want a RequestTooLargeException", err)
	}
}

func testKill(t *testing.T, p *emulator.Platform) {
	before := p.Processes()
	if killed := p.Kill("none"); killed != 0 {
		t.Errorf("%d processes of no function killed", killed)
	}
	call(t, p, "probe-slow", `{}`)
	if killed := p.Kill("slow"); killed != 1 {
		t.Errorf("%d processes killed, want 1", killed)
	}
	if killed := p.Kill("probe-echo"); killed == 0 {
		t.Error("no process killed")
	}
	var answer struct {
		PID    int `json:"pid"`
		Served int `json:"served"`
	}
	check(t, json.Unmarshal(call(t, p, "probe-echo", `{}`).Payload, &answer))
	if answer.Served != 1 || slices.Contains(before, answer.PID) {
		t.Errorf("the answer is of the process %d as its number %d", answer.PID, answer.Served)
	}
}

func TestATakenPortIsFoundFirst(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = taken.Close() }()
	o := options(assembly(t, nil))
	_, port, err := net.SplitHostPort(taken.Addr().String())
	check(t, err)
	o.Port, err = strconv.Atoi(port)
	check(t, err)
	o.DynamoDBDir = "nowhere" // it must not come to that
	_, err = emulator.Start(t.Context(), o)
	if want := "port " + port + " is taken"; !errors.Is(err, emulator.ErrPortTaken) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatCannotBeRunIsNamed(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	type props = map[string]any
	for name, c := range map[string]struct {
		change func(template map[string]any)
		want   string
	}{
		"type": {func(m map[string]any) {
			object(m["Resources"])["Cache"] = map[string]any{"Type": "AWS::ElastiCache::CacheCluster"}
			object(m["Resources"])["Topic"] = map[string]any{"Type": "AWS::SNS::Topic"}
		}, "Cache (AWS::ElastiCache::CacheCluster); Topic (AWS::SNS::Topic)"},
		"property": {func(m map[string]any) {
			properties(m, "Echo22222222")["VpcConfig"] = props{}
		}, `Echo22222222 (AWS::Lambda::Function): the property "VpcConfig" is not understood`},
		"nested property": {func(m map[string]any) {
			object(properties(m, "Echo22222222")["Code"])["ZipFile"] = "x"
		}, `Echo22222222 (AWS::Lambda::Function): the property "ZipFile" is not understood`},
		"table property": {func(m map[string]any) {
			object(m["Resources"])["T"] = map[string]any{
				"Type": "AWS::DynamoDB::Table", "Properties": props{"KinesisStreamSpecification": props{}},
			}
		}, `T (AWS::DynamoDB::Table): the property "KinesisStreamSpecification" is not understood`},
		"runtime": {func(m map[string]any) {
			properties(m, "Slow44444444")["Runtime"] = "nodejs22.x"
		}, `Slow44444444 (AWS::Lambda::Function): Runtime: provided.al2023 is expected, not "nodejs22.x"`},
		"payload": {func(m map[string]any) {
			properties(m, "EchoIntegration")["PayloadFormatVersion"] = "1.0"
		}, `EchoIntegration (AWS::ApiGatewayV2::Integration): PayloadFormatVersion: 2.0 is expected, not "1.0"`},
		"authorizer": {func(m map[string]any) {
			properties(m, "ThingRoute")["AuthorizationType"] = "AWS_IAM"
		}, `ThingRoute (AWS::ApiGatewayV2::Route): AuthorizationType: "AWS_IAM" is not understood`},
		"API without a stage": {func(m map[string]any) {
			delete(object(m["Resources"]), "Stage")
		}, "Api33333333 (AWS::ApiGatewayV2::Api): it has no stage"},
		"second API": {func(m map[string]any) {
			object(m["Resources"])["Other"] = resource("AWS::ApiGatewayV2::Api", props{"ProtocolType": "HTTP"})
		}, "Other (AWS::ApiGatewayV2::Api): a second API: Api33333333"},
		"integration of a route": {func(m map[string]any) {
			properties(m, "ThingRoute")["Target"] = "integrations/Other"
		}, `the template has no integration "Other"`},
		"CORS": {func(m map[string]any) {
			properties(m, "Api33333333")["CorsConfiguration"] = props{}
		}, `Api33333333 (AWS::ApiGatewayV2::Api): the property "CorsConfiguration" is not understood`},
		"function of a route": {func(m map[string]any) {
			properties(m, "EchoIntegration")["IntegrationUri"] = "arn:aws:lambda:us-east-1:000000000000:function:other"
		}, "EchoIntegration (AWS::ApiGatewayV2::Integration): IntegrationUri:"},
		"reference": {func(m map[string]any) {
			properties(m, "Slow44444444")["Timeout"] = props{"Ref": "Nothing"}
		}, `Slow44444444 (AWS::Lambda::Function): Timeout: the template has no resource "Nothing"`},
		"secret": {func(m map[string]any) {
			properties(m, "Slow44444444")["Environment"] = props{"Variables": props{"A": "{{resolve:ssm:x}}"}}
		}, "cannot be resolved"},
		"bucket property": {func(m map[string]any) {
			object(m["Resources"])["B"] = resource("AWS::S3::Bucket", props{"WebsiteConfiguration": props{}})
		}, `B (AWS::S3::Bucket): the property "WebsiteConfiguration" is not understood`},
		"event pattern": {func(m map[string]any) {
			object(m["Resources"])["R"] = resource("AWS::Events::Rule", props{"EventPattern": props{"source": []props{{"near": "x"}}}})
		}, `R (AWS::Events::Rule): EventPattern: source: the condition "near" is not known`},
		"schedule": {func(m map[string]any) {
			object(m["Resources"])["R"] = resource("AWS::Events::Rule", props{"ScheduleExpression": "rate(1 minutes)"})
		}, `R (AWS::Events::Rule): ScheduleExpression: rate(1 minutes) is not of the form`},
		"target": {func(m map[string]any) {
			object(m["Resources"])["R"] = resource("AWS::Events::Rule", props{
				"ScheduleExpression": "rate(1 minute)", "Targets": []props{{"Id": "T0", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}},
			})
		}, `R (AWS::Events::Rule): Targets: T0: "arn:aws:sqs:us-east-1:000000000000:q" is no function of the template, and no queue of it`},
		"transformed input": {func(m map[string]any) {
			object(m["Resources"])["R"] = resource("AWS::Events::Rule", props{
				"ScheduleExpression": "rate(1 minute)", "Targets": []props{{"Id": "T0", "InputTransformer": props{}}},
			})
		}, `R (AWS::Events::Rule): the property "InputTransformer" is not understood`},
		"scheduler": {func(m map[string]any) {
			object(m["Resources"])["S"] = resource("AWS::Scheduler::Schedule", props{})
		}, `S (AWS::Scheduler::Schedule)`},
		"filter": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"FilterCriteria": props{"Filters": []props{{"Pattern": "{}", "Other": 1}}}})
		}, `M (AWS::Lambda::EventSourceMapping): the property "Other" is not understood`},
		"tumbling window": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"TumblingWindowInSeconds": 30})
		}, `M (AWS::Lambda::EventSourceMapping): TumblingWindowInSeconds: tumbling windows are not run here`},
		"position": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"StartingPosition": "AT_TIMESTAMP"})
		}, `M (AWS::Lambda::EventSourceMapping): StartingPosition: TRIM_HORIZON or LATEST is expected, not "AT_TIMESTAMP"`},
		"lanes": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"StartingPosition": "LATEST", "ParallelizationFactor": 11})
		}, `M (AWS::Lambda::EventSourceMapping): ParallelizationFactor: 11 is not within 1 and 10`},
		"record age": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 30})
		}, `M (AWS::Lambda::EventSourceMapping): MaximumRecordAgeInSeconds: -1 or at least 60 is expected, not 30`},
		"source": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"StartingPosition": "LATEST", "EventSourceArn": "arn:aws:sqs:q"})
		}, `M (AWS::Lambda::EventSourceMapping): EventSourceArn: the stream of a table or a queue of the template is expected, not "arn:aws:sqs:q"`},
		"mapping property": {func(m map[string]any) {
			object(m["Resources"])["M"] = resource("AWS::Lambda::EventSourceMapping", props{"ScalingConfig": props{}})
		}, `M (AWS::Lambda::EventSourceMapping): ScalingConfig: it is for queues alone`},
		"parameter": {func(m map[string]any) {
			object(m["Parameters"])["Other"] = props{"Type": "String"}
		}, `parameter "Other" has no default: give its value`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := assembly(t, func(m map[string]any) {
				withoutTables(m)
				c.change(m)
			})
			p, err := emulator.Start(t.Context(), options(dir))
			if err == nil {
				stop(t, p)
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q", err, c.want)
			}
			if left, err := filepath.Glob(filepath.Join(temp, "emulator-*")); err != nil || len(left) > 0 {
				t.Errorf("files are left: %v, %v", left, err)
			}
		})
	}
}

func TestABinaryForAnotherMachineIsFound(t *testing.T) {
	dir := assembly(t, withoutTables)
	file := filepath.Join(dir, "asset.aaaa", "bootstrap")
	binary, err := os.ReadFile(file)
	check(t, err)
	const machine = 18 // where ELF names the processor
	binary[machine], binary[machine+1] = 0xf3, 0
	check(t, os.WriteFile(file, binary, 0o755))
	_, err = emulator.Start(t.Context(), options(dir))
	if err == nil || !strings.HasPrefix(err.Error(), "Echo22222222 (AWS::Lambda::Function): its bootstrap is built for ") {
		t.Errorf("got %v", err)
	}
}

func TestAWrongParameterIsRefusedWithoutItsValue(t *testing.T) {
	o := options(assembly(t, nil))
	o.Parameters["OperatorKey"] = "a secret"
	_, err := emulator.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), `parameter "OperatorKey"`) || strings.Contains(err.Error(), "a secret") {
		t.Errorf("got %v", err)
	}
}

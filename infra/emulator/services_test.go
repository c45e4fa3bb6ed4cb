package emulator_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"drawdown/infra/emulator"
)

// withServices adds a bus whose rules lead to functions and queues, and a queue that leads to a function.
func withServices(template map[string]any) {
	type props = map[string]any
	withSecrets(template)
	attribute := func(id, name string) props { return props{"Fn::GetAtt": []string{id, name}} }
	resources := object(template["Resources"])
	resources["Bus1A2B3C4D"] = resource("AWS::Events::EventBus", props{"Name": "probe"})
	for _, id := range []string{"WorkDead", "AsyncDead", "RuleDead"} {
		resources[id] = resource("AWS::SQS::Queue", props{"KmsMasterKeyId": "key", "MessageRetentionPeriod": 1_209_600})
	}
	resources["Work1A2B3C4D"] = resource("AWS::SQS::Queue", props{
		"QueueName": "work", "VisibilityTimeout": 30, "SqsManagedSseEnabled": true,
		"RedrivePolicy": props{"deadLetterTargetArn": attribute("WorkDead", "Arn"), "maxReceiveCount": 3},
	})
	resources["WorkPolicy"] = resource("AWS::SQS::QueuePolicy", props{"Queues": []props{{"Ref": "Work1A2B3C4D"}}})
	resources["WorkMapping"] = resource("AWS::Lambda::EventSourceMapping", props{
		"EventSourceArn": attribute("Work1A2B3C4D", "Arn"), "FunctionName": props{"Ref": "Echo22222222"}, "BatchSize": 5,
		"FunctionResponseTypes": []string{"ReportBatchItemFailures"}, "ScalingConfig": props{"MaximumConcurrency": 2},
		"FilterCriteria": props{"Filters": []props{{"Pattern": `{"body":[{"anything-but":"\"unwanted\""}]}`}}},
	})
	rule := func(pattern props, targets ...props) map[string]any {
		return resource("AWS::Events::Rule", props{"EventBusName": props{"Ref": "Bus1A2B3C4D"}, "EventPattern": pattern, "State": "ENABLED", "Targets": targets})
	}
	resources["Orders"] = rule(props{"source": []string{"probe"}, "detail-type": []string{"order"}},
		props{"Id": "T0", "Arn": attribute("Echo22222222", "Arn")},
		props{"Id": "T1", "Arn": attribute("Work1A2B3C4D", "Arn"), "InputPath": "$.detail.work"})
	resources["Commands"] = rule(props{"detail": props{"do": []props{{"exists": true}}}},
		props{"Id": "T0", "Arn": attribute("Slow44444444", "Arn"), "InputPath": "$.detail"})
	resources["Fragile"] = rule(props{"detail-type": []string{"fragile"}}, props{
		"Id": "T0", "Arn": attribute("Echo22222222", "Arn"), "RetryPolicy": props{"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
		"DeadLetterConfig": props{"Arn": attribute("RuleDead", "Arn")},
	})
	resources["SlowInvoke"] = resource("AWS::Lambda::EventInvokeConfig", props{
		"FunctionName": props{"Ref": "Slow44444444"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 3600,
		"DestinationConfig": props{"OnFailure": props{"Destination": attribute("AsyncDead", "Arn")}},
	})
	variables := object(object(properties(template, "Echo22222222")["Environment"])["Variables"])
	variables["BUS"], variables["BUS_ARN"] = props{"Ref": "Bus1A2B3C4D"}, attribute("Bus1A2B3C4D", "Arn")
	variables["WORK"], variables["WORK_NAME"] = props{"Ref": "Work1A2B3C4D"}, attribute("Work1A2B3C4D", "QueueName")
	variables["RULE"], variables["RULE_ARN"] = props{"Ref": "Orders"}, attribute("Orders", "Arn")
}

func TestBusQueuesAndDestinations(t *testing.T) {
	logs, faults := &record{}, &emulator.BusFaults{}
	o := options(assembly(t, withServices))
	o.Logs, o.BusFaults = logs.add, faults
	o.Waits = emulator.Waits{AsyncRetries: []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}, Redelivery: 10 * time.Millisecond}
	p := start(t, o)

	t.Run("names", func(t *testing.T) { testServiceNames(t, p) })
	t.Run("clients", func(t *testing.T) { testClients(t, p) })
	t.Run("bus", func(t *testing.T) { testBus(t, p, logs) })
	t.Run("queue", func(t *testing.T) { testQueue(t, p, logs) })
	t.Run("asynchronous failure", func(t *testing.T) { testAsyncFailure(t, p, logs) })
	t.Run("undeliverable", func(t *testing.T) {
		faults.FailDeliveries.Store(1)
		putEvent(t, p, "fragile", `{}`)
		letters := awaitDeadLetters(t, p, "RuleDead", 1)
		if a := letters[0].Attributes; a["RULE_ARN"] != "arn:aws:events:us-east-1:000000000000:rule/probe/Probe-Fragile" || a["RETRY_ATTEMPTS"] != "0" ||
			a["EXHAUSTED_RETRY_CONDITION"] != "MaximumRetryAttempts" || !strings.Contains(letters[0].Body, `"detail-type":"fragile"`) {
			t.Errorf("the dead letter is %+v", letters[0])
		}
	})
	t.Run("a receipt that waits ends with the platform", func(t *testing.T) {
		client := sqs.New(sqs.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(p.SQSURL()), Credentials: aws.CredentialsProviderFunc(credentials), RetryMaxAttempts: 1,
		})
		done := make(chan error, 1)
		go func() {
			_, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(p.QueueURL("AsyncDead") + "x"), WaitTimeSeconds: 20})
			done <- err
		}()
		if err := <-done; err == nil {
			t.Error("a queue that is not there is received from")
		}
		go func() {
			_, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(p.QueueURL("WorkDead")), WaitTimeSeconds: 20})
			done <- err
		}()
		began := time.Now()
		stop(t, p)
		<-done
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it takes %s", took)
		}
	})
}

func testServiceNames(t *testing.T, p *emulator.Platform) {
	for got, want := range map[string]string{
		p.BusName("Bus"): "probe", p.BusARN("Bus"): "arn:aws:events:us-east-1:000000000000:event-bus/probe", p.QueueURL("Work"): p.SQSURL() + "/000000000000/work",
		p.BusName("Other") + p.BusARN("Other") + p.QueueURL("Other"): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if letters := p.DeadLetters("Other"); letters != nil {
		t.Errorf("a queue that is not there has the dead letters %v", letters)
	}
	if !slices.Contains(p.Inert(), "WorkPolicy (AWS::SQS::QueuePolicy): permissions are not checked") {
		t.Errorf("the inert resources are %q", p.Inert())
	}
	environment := environmentOf(t, p, "probe-echo")
	for name, want := range map[string]string{
		"BUS": "probe", "BUS_ARN": p.BusARN("Bus"), "WORK": p.QueueURL("Work"), "WORK_NAME": "work",
		"RULE": "probe|Probe-Orders", "RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/probe/Probe-Orders",
	} {
		if environment[name] != want {
			t.Errorf("%s is %q, want %q", name, environment[name], want)
		}
	}
}

func environmentOf(t *testing.T, p *emulator.Platform, function string) map[string]string {
	t.Helper()
	var answer struct{ Environment []string }
	check(t, json.Unmarshal(call(t, p, function, `{}`).Payload, &answer))
	variables := map[string]string{}
	for _, variable := range answer.Environment {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	return variables
}

// testClients makes clients as a function does: of nothing but its environment.
func testClients(t *testing.T, p *emulator.Platform) {
	for name, value := range environmentOf(t, p, "probe-echo") {
		if strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value)
		}
	}
	c, err := config.LoadDefaultConfig(t.Context())
	check(t, err)
	if _, err := sqs.NewFromConfig(c).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("work")}); err != nil {
		t.Error(err)
	}
	if _, err := secretsmanager.NewFromConfig(c).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("probe/empty")}); err != nil {
		t.Error(err)
	}
	out, err := eventbridge.NewFromConfig(c).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: aws.String("probe"), Source: aws.String("probe"), DetailType: aws.String("nothing"), Detail: aws.String(`{}`),
	}}})
	if err != nil || out.FailedEntryCount != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
}

func putEvent(t *testing.T, p *emulator.Platform, kind, detail string) {
	t.Helper()
	client := eventbridge.New(eventbridge.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.EventBridgeURL()), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: aws.String(p.BusName("Bus")), Source: aws.String("probe"), DetailType: aws.String(kind), Detail: aws.String(detail),
	}}})
	check(t, err)
	if out.FailedEntryCount != 0 {
		t.Fatalf("the answer is %+v", out.Entries)
	}
}

func awaitDeadLetters(t *testing.T, p *emulator.Platform, queue string, n int) []emulator.DeadLetter {
	t.Helper()
	for range 1500 {
		if letters := p.DeadLetters(queue); len(letters) >= n {
			return letters
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s has the dead letters %v, want %d", queue, p.DeadLetters(queue), n)
	return nil
}

func testBus(t *testing.T, p *emulator.Platform, logs *record) {
	seen, cancel := p.Subscribe(1)
	defer cancel()
	putEvent(t, p, "order", `{"work":"a"}`)
	logs.await(t, `"detail":{"work":"a"}`)
	logs.await(t, `probe-echo: received "a"`)
	if e := <-seen; e.DetailType != "order" || e.Bus != "probe" {
		t.Errorf("put is %+v", e)
	}
	if events := p.Events(); events[len(events)-1].DetailType != "order" {
		t.Errorf("remembered are %+v", events)
	}
}

func testQueue(t *testing.T, p *emulator.Platform, logs *record) {
	putEvent(t, p, "order", `{"work":"unwanted"}`)
	putEvent(t, p, "order", `{"work":"to fail"}`)
	putEvent(t, p, "order", `{"work":"b"}`)
	logs.await(t, `received "b"`)
	letters := awaitDeadLetters(t, p, "Work", 1)
	if len(letters) != 1 || letters[0].Body != `"to fail"` || letters[0].Source != "arn:aws:sqs:us-east-1:000000000000:work" {
		t.Errorf("the dead letters are %+v", letters)
	}
	if same := p.DeadLetters("WorkDead"); len(same) != 1 || same[0].ID != letters[0].ID {
		t.Errorf("the queue of dead letters holds %+v", same)
	}
	if got := logs.count(`received "to fail"`); got != 3 {
		t.Errorf("what fails is received %d times, want 3", got)
	}
	if logs.contains(`received "unwanted"`) || logs.count(`received "b"`) != 1 {
		t.Error("what is filtered is received, or what succeeds twice")
	}
}

func testAsyncFailure(t *testing.T, p *emulator.Platform, logs *record) {
	putEvent(t, p, "command", `{"do":"fail","say":"an attempt"}`)
	letters := awaitDeadLetters(t, p, "AsyncDead", 1)
	var failure struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		RequestPayload struct{ Do string }
	}
	check(t, json.Unmarshal([]byte(letters[0].Body), &failure))
	if failure.RequestContext.Condition != "RetriesExhausted" || failure.RequestContext.ApproximateInvokeCount != 2 || failure.RequestPayload.Do != "fail" {
		t.Errorf("the record is %s", letters[0].Body)
	}
	if got := logs.count("probe-slow: an attempt"); got != 2 {
		t.Errorf("it is tried %d times, want 2", got)
	}
}

func TestServicesThatCannotBeRunAreNamed(t *testing.T) {
	type props = map[string]any
	for name, c := range map[string]struct {
		id     string
		change func(properties props)
		want   string
	}{
		"FIFO":             {"Work1A2B3C4D", func(m props) { m["FifoQueue"] = true }, "Work1A2B3C4D (AWS::SQS::Queue): FifoQueue: queues that keep an order are not run here"},
		"queue property":   {"Work1A2B3C4D", func(m props) { m["DeduplicationScope"] = "queue" }, `the property "DeduplicationScope" is not understood`},
		"visibility":       {"Work1A2B3C4D", func(m props) { m["VisibilityTimeout"] = 43_201 }, "VisibilityTimeout: 43201 is not within 0 and 43200"},
		"short visibility": {"Work1A2B3C4D", func(m props) { m["VisibilityTimeout"] = 4 }, "WorkMapping (AWS::Lambda::EventSourceMapping): EventSourceArn: the queue's visibility timeout of 4s is less than the function's timeout of 5s"},
		"same queue":       {"WorkDead", func(m props) { m["QueueName"] = "work" }, `WorkDead (AWS::SQS::Queue): QueueName: another queue is named "work"`},
		"receives":         {"Work1A2B3C4D", func(m props) { object(m["RedrivePolicy"])["maxReceiveCount"] = 0 }, "RedrivePolicy: maxReceiveCount: 0 is not within 1 and 1000"},
		"dead letters":     {"Work1A2B3C4D", func(m props) { object(m["RedrivePolicy"])["deadLetterTargetArn"] = "arn:x" }, `RedrivePolicy: deadLetterTargetArn: "arn:x" is no queue of the template`},
		"stream property":  {"WorkMapping", func(m props) { m["StartingPosition"] = "LATEST" }, "WorkMapping (AWS::Lambda::EventSourceMapping): StartingPosition: it is for streams alone"},
		"batch":            {"WorkMapping", func(m props) { m["BatchSize"] = 11 }, "BatchSize: 11 is not within 1 and 10"},
		"concurrency":      {"WorkMapping", func(m props) { m["ScalingConfig"] = props{"MaximumConcurrency": 1} }, "ScalingConfig: MaximumConcurrency: 1 is not within 2 and 1000"},
		"filter": {"WorkMapping", func(m props) {
			m["FilterCriteria"] = props{"Filters": []props{{"Pattern": `{"body":{"a":[{"near":1}]}}`}}}
		}, `: body: a: the condition "near" is not known`},
		"wildcard": {"WorkMapping", func(m props) {
			m["FilterCriteria"] = props{"Filters": []props{{"Pattern": `{"body":[{"wildcard":"*"}]}`}}}
		}, "Lambda knows no wildcard"},
		"bus":               {"Orders", func(m props) { m["EventBusName"] = "other" }, `Orders (AWS::Events::Rule): EventBusName: "other" is no bus of the template`},
		"bus of a schedule": {"Orders", func(m props) { m["ScheduleExpression"] = "rate(1 day)" }, `EventBusName: schedules run on the default bus, not on "probe"`},
		"no pattern":        {"Orders", func(m props) { delete(m, "EventPattern") }, "EventPattern: a rule has a pattern or a ScheduleExpression"},
		"same bus":          {"Bus1A2B3C4D", func(m props) { m["Name"] = "default" }, `Name: another bus is named "default"`},
		"bus property":      {"Bus1A2B3C4D", func(m props) { m["EventSourceName"] = "partner" }, `the property "EventSourceName" is not understood`},
		"input": {"Commands", func(m props) {
			m["Targets"] = []props{{"Id": "T", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:probe-echo", "Input": "{"}}
		}, "Targets: T: Input: it is no JSON"},
		"path": {"Commands", func(m props) {
			m["Targets"] = []props{{"Id": "T", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:probe-echo", "InputPath": "$.a[0]"}}
		}, "Targets: T: InputPath: a path like $.detail is expected"},
		"retries": {"Commands", func(m props) { m["Targets"] = []props{{"Id": "T", "RetryPolicy": props{"MaximumRetryAttempts": 186}}} }, "Targets: T: RetryPolicy: MaximumRetryAttempts: 186 is not within 0 and 185"},
		"dead letters of a rule": {"Commands", func(m props) {
			m["Targets"] = []props{{"Id": "T", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:probe-echo", "DeadLetterConfig": props{"Arn": "arn:x"}}}
		}, `Targets: T: DeadLetterConfig: "arn:x" is no queue of the template`},
		"qualifier":       {"SlowInvoke", func(m props) { m["Qualifier"] = "live" }, `SlowInvoke (AWS::Lambda::EventInvokeConfig): Qualifier: $LATEST is expected, not "live"`},
		"success":         {"SlowInvoke", func(m props) { m["DestinationConfig"] = props{"OnSuccess": props{}} }, `the property "OnSuccess" is not understood`},
		"destination":     {"SlowInvoke", func(m props) { m["DestinationConfig"] = props{"OnFailure": props{"Destination": "arn:x"}} }, `DestinationConfig: OnFailure: Destination: "arn:x" is no queue of the template`},
		"secret property": {"Empty", func(m props) { m["HostedRotationLambda"] = props{} }, `Empty (AWS::SecretsManager::Secret): the property "HostedRotationLambda" is not understood`},
		"same secret":     {"Made", func(m props) { m["Name"] = "Probe-Login" }, "another secret is named"},
		"password":        {"Login", func(m props) { object(m["GenerateSecretString"])["PasswordLength"] = 0 }, "Login (AWS::SecretsManager::Secret): GenerateSecretString: the length 0 is not within 1 and 4096"},
		"template alone":  {"Login", func(m props) { delete(object(m["GenerateSecretString"]), "GenerateStringKey") }, "SecretStringTemplate and GenerateStringKey belong together"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := assembly(t, func(m map[string]any) {
				withServices(m)
				c.change(properties(m, c.id))
			})
			p, err := emulator.Start(t.Context(), options(dir))
			if err == nil {
				stop(t, p)
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
}

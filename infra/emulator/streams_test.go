package emulator_test

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"drawdown/infra/emulator"
)

// withStream maps the stream of Things to the function probe-slow, and adds schedules.
func withStream(template map[string]any) {
	type props = map[string]any
	attribute := func(id, name string) props { return props{"Fn::GetAtt": []string{id, name}} }
	resources := object(template["Resources"])
	resources["Failures8A9B0C1D"] = resource("AWS::S3::Bucket", props{
		"BucketEncryption": props{}, "LifecycleConfiguration": props{}, "OwnershipControls": props{},
		"PublicAccessBlockConfiguration": props{}, "VersioningConfiguration": props{},
	})
	resources["FailuresPolicy"] = resource("AWS::S3::BucketPolicy", props{"Bucket": props{"Ref": "Failures8A9B0C1D"}})
	mapping := func(enabled bool) map[string]any {
		return resource("AWS::Lambda::EventSourceMapping", props{
			"FunctionName": props{"Ref": "Slow44444444"}, "EventSourceArn": attribute("Things0A1B2C3D", "StreamArn"), "Enabled": enabled,
			"StartingPosition": "TRIM_HORIZON", "BatchSize": 10, "ParallelizationFactor": 2, "MaximumRetryAttempts": 1,
			"MaximumRecordAgeInSeconds": 3600, "BisectBatchOnFunctionError": true, "MaximumBatchingWindowInSeconds": 0,
			"FunctionResponseTypes": []string{"ReportBatchItemFailures"},
			"DestinationConfig":     props{"OnFailure": props{"Destination": attribute("Failures8A9B0C1D", "Arn")}},
		})
	}
	resources["Mapping"] = mapping(true)
	resources["SecondMapping"] = mapping(false)
	resources["FilteredMapping"] = resource("AWS::Lambda::EventSourceMapping", props{
		"FunctionName": props{"Ref": "Echo22222222"}, "EventSourceArn": attribute("Things0A1B2C3D", "StreamArn"), "StartingPosition": "TRIM_HORIZON",
		"FilterCriteria": props{"Filters": []props{
			{"Pattern": `{"eventName":["MODIFY"]}`}, {"Pattern": `{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"shared"}]}}}}`},
		}},
	})
	resources["NightlyABCDEF01"] = resource("AWS::Events::Rule", props{
		"ScheduleExpression": "cron(10 3 * * ? *)", "Description": "At night",
		"Targets": []props{{
			"Id": "Target0", "Arn": attribute("Echo22222222", "Arn"), "Input": `{"say":"said by the rule"}`,
			"RetryPolicy": props{"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
		}},
	})
	resources["Bare"] = resource("AWS::Events::Rule", props{
		"ScheduleExpression": "rate(1 day)", "State": "DISABLED",
		"Targets": []props{{"Id": "Target0", "Arn": attribute("Echo22222222", "Arn")}},
	})
}

func (r *record) await(t *testing.T, part string) {
	t.Helper()
	for range 1500 {
		if r.contains(part) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Fatalf("%q is not logged; the last lines are\n%s", part, strings.Join(r.lines[max(0, len(r.lines)-20):], "\n"))
}

func (r *record) lineWith(part string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func (r *record) count(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, line := range r.lines {
		if strings.HasSuffix(line, part) {
			n++
		}
	}
	return n
}

func putThing(t *testing.T, p *emulator.Platform, key string, n int, more map[string]ddbtypes.AttributeValue) {
	t.Helper()
	item := map[string]ddbtypes.AttributeValue{
		"pk": &ddbtypes.AttributeValueMemberS{Value: key}, "sk": &ddbtypes.AttributeValueMemberN{Value: strconv.Itoa(n)},
	}
	for name, value := range more {
		item[name] = value
	}
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.DynamoDBURL()), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(p.TableName("Things")), Item: item})
	check(t, err)
}

func TestStreamsBucketsAndSchedules(t *testing.T) {
	logs := &record{}
	faults := &emulator.StreamFaults{}
	o := options(assembly(t, withStream))
	o.Logs, o.StreamFaults = logs.add, faults
	p := start(t, o)
	if bucket := p.BucketName("Failures"); bucket != "probe-failures8a9b0c1d" {
		t.Errorf("the bucket is %q", bucket)
	}
	if !slices.Contains(p.Inert(), "FailuresPolicy (AWS::S3::BucketPolicy): permissions are not checked") {
		t.Errorf("the inert resources are %q", p.Inert())
	}
	t.Run("a kill in mid batch", func(t *testing.T) { testKillInMidBatch(t, p, logs) })
	t.Run("two functions on one stream", func(t *testing.T) { testTwoFunctions(t, p, logs) })
	t.Run("a poison record", func(t *testing.T) { testPoisonRecord(t, p, logs) })
	t.Run("delivered twice", func(t *testing.T) {
		faults.Duplicate.Store(true)
		putThing(t, p, "twice", 1, nil)
		logs.await(t, "done twice/1")
		faults.Duplicate.Store(false)
		for range 500 {
			if logs.count("done twice/1") == 2 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("it comes %d times", logs.count("done twice/1"))
	})
	t.Run("schedules", func(t *testing.T) { testSchedules(t, p, logs) })
	if n := logs.count("done killed/2"); n != 1 {
		t.Errorf("a mapping that is not enabled delivers: it came %d times", n)
	}
	putThing(t, p, "late", 1, map[string]ddbtypes.AttributeValue{"sleep_ms": &ddbtypes.AttributeValueMemberN{Value: "30000"}})
	logs.await(t, "took late/1")
	pids := p.Processes()
	began := time.Now()
	stop(t, p)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("with a batch under way, the stop takes %s", took)
	}
	for _, pid := range pids {
		if !ended(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if _, _, err := get(t, p.S3URL()); err == nil {
		t.Error("S3 still listens")
	}
}

func testKillInMidBatch(t *testing.T, p *emulator.Platform, logs *record) {
	putThing(t, p, "killed", 1, map[string]ddbtypes.AttributeValue{"sleep_ms": &ddbtypes.AttributeValueMemberN{Value: "1500"}})
	logs.await(t, "took killed/1")
	if killed := p.Kill("slow"); killed == 0 {
		t.Error("no process killed")
	}
	logs.await(t, "done killed/1")
	if logs.count("took killed/1") != 2 || logs.count("done killed/1") != 1 {
		t.Errorf("it was taken %d times and done %d times", logs.count("took killed/1"), logs.count("done killed/1"))
	}
	putThing(t, p, "killed", 2, nil)
	logs.await(t, "done killed/2")
}

func testTwoFunctions(t *testing.T, p *emulator.Platform, logs *record) {
	for n := range 3 {
		putThing(t, p, "alone", n, nil)
		putThing(t, p, "shared", n, nil)
	}
	for _, n := range []string{"0", "1", "2"} {
		logs.await(t, "probe-slow: done alone/"+n)
		logs.await(t, "probe-slow: done shared/"+n)
		logs.await(t, "probe-echo: done shared/"+n)
	}
	if logs.contains("probe-echo: took alone/") {
		t.Error("a function is given what its filter keeps from it")
	}
}

func testPoisonRecord(t *testing.T, p *emulator.Platform, logs *record) {
	for n := range 5 {
		var do map[string]ddbtypes.AttributeValue
		if n == 2 {
			do = map[string]ddbtypes.AttributeValue{"do": &ddbtypes.AttributeValueMemberS{Value: "fail"}}
		}
		putThing(t, p, "poison", n, do)
	}
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.S3URL()), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	for _, n := range []string{"0", "1", "3", "4"} {
		logs.await(t, "done poison/"+n)
	}
	logs.await(t, "Mapping: 1 records of ")
	bucket := aws.String(p.BucketName("Failures"))
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("aws/lambda/")})
	check(t, err)
	if len(list.Contents) != 1 {
		t.Fatalf("%d failures are kept", len(list.Contents))
	}
	kept, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: list.Contents[0].Key})
	check(t, err)
	data, err := io.ReadAll(kept.Body)
	check(t, err)
	var failure struct{ Payload string }
	check(t, json.Unmarshal(data, &failure))
	var event events.DynamoDBEvent
	check(t, json.Unmarshal([]byte(failure.Payload), &event))
	if len(event.Records) != 1 || event.Records[0].Change.Keys["sk"].Number() != "2" {
		t.Errorf("what is kept is %s", data)
	}
}

func testSchedules(t *testing.T, p *emulator.Platform, logs *record) {
	if err := p.Fire("Other"); err == nil || err.Error() != `the template has no scheduled rule "Other"` {
		t.Errorf("a rule that is not there: %v", err)
	}
	check(t, p.Fire("Nightly"))
	logs.await(t, "probe-echo: said by the rule")
	check(t, p.Fire("Bare"))
	logs.await(t, `"detail-type":"Scheduled Event"`)
	_, line, _ := strings.Cut(logs.lineWith(`"detail-type":"Scheduled Event"`), ": ")
	var event events.CloudWatchEvent
	check(t, json.Unmarshal([]byte(line), &event))
	if event.Source != "aws.events" || event.AccountID != "000000000000" || event.Region != "us-east-1" || string(event.Detail) != "{}" || event.ID == "" ||
		time.Since(event.Time).Abs() > time.Minute || !slices.Equal(event.Resources, []string{"arn:aws:events:us-east-1:000000000000:rule/Probe-Bare"}) {
		t.Errorf("the event is %+v", event)
	}
}

package stack

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"drawdown/events"
	"drawdown/shared/httpapi"
)

// Every type of message has a rule of its own, and none of its targets loses
// any.
func TestRulesOfTheBus(t *testing.T) {
	tpl := readTemplate(t, prod)
	want := map[string]string{
		string(events.ProcessorNotice): "Purchases",
		string(events.RefillDue):       FunctionName(FunctionRefill),
	}
	if n := len(events.Types()); n < leastKinds {
		t.Fatalf("there are %d kinds of messages", n)
	}
	for _, kind := range events.Types() {
		want[string(kind)] = FunctionName(FunctionNotify)
	}
	got := map[string]string{}
	for id, rule := range tpl.ofType(t, "AWS::Events::Rule") {
		if rule.Properties["EventPattern"] == nil {
			continue
		}
		kinds := list(at(rule.Properties, "EventPattern", "detail-type"))
		targets := list(rule.Properties["Targets"])
		if len(kinds) != 1 || len(targets) != 1 {
			t.Fatalf("rule %s has the types %v and the targets %v", id, kinds, targets)
		}
		to := tpl.Resources[target(at(targets[0], "Arn"))]
		name, _ := to.Properties["FunctionName"].(string)
		if to.Type == "AWS::SQS::Queue" {
			name = "Purchases"
		}
		got[fmt.Sprint(kinds[0])] = name
		for what, ok := range map[string]bool{
			"our source alone":                    reflect.DeepEqual(at(rule.Properties, "EventPattern", "source"), []any{events.Source}),
			"our bus":                             tpl.Resources[target(rule.Properties["EventBusName"])].Type == "AWS::Events::EventBus",
			"a name that tells its kind":          rule.Properties["Name"] == ruleName(events.Type(fmt.Sprint(kinds[0]))),
			"tries over a day":                    at(targets[0], "RetryPolicy", "MaximumEventAgeInSeconds") == 86400.0 && at(targets[0], "RetryPolicy", "MaximumRetryAttempts") == 185.0,
			"a queue for what is not handed over": tpl.isDead(target(at(targets[0], "DeadLetterConfig", "Arn"))),
		} {
			if !ok {
				t.Errorf("rule %s: want %s", id, what)
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("rules = %v\nwant %v", got, want)
	}
	if ruleName(events.OverageLimitReached) != "drawdown-overage-limit-reached" || ruleID(events.OverageLimitReached) != "OnOverageLimitReached" {
		t.Errorf("rules are named %s, %s", ruleName(events.OverageLimitReached), ruleID(events.OverageLimitReached))
	}
}

// isDead reports whether a resource is a queue that keeps what it gets for two weeks.
func (tpl template) isDead(id string) bool {
	queue := tpl.Resources[id]
	return queue.Type == "AWS::SQS::Queue" && queue.Properties["MessageRetentionPeriod"] == 1209600.0 && queue.Properties["RedrivePolicy"] == nil
}

func TestNoticesAreSettledOrKept(t *testing.T) {
	tpl := readTemplate(t, prod)
	mappings := 0
	for _, mapping := range tpl.ofType(t, "AWS::Lambda::EventSourceMapping") {
		id := target(mapping.Properties["EventSourceArn"])
		queue := tpl.Resources[id]
		if queue.Type != "AWS::SQS::Queue" {
			continue
		}
		mappings++
		function := tpl.Resources[target(mapping.Properties["FunctionName"])]
		timeout, _ := function.Properties["Timeout"].(float64)
		for what, ok := range map[string]bool{
			"the queue of purchases":     strings.HasPrefix(id, "Purchases"),
			"wakes purchase":             function.Properties["FunctionName"] == FunctionName(FunctionPurchase),
			"partial failures":           reflect.DeepEqual(mapping.Properties["FunctionResponseTypes"], []any{"ReportBatchItemFailures"}),
			"five together":              mapping.Properties["BatchSize"] == 5.0,
			"five batches at once":       at(mapping.Properties, "ScalingConfig", "MaximumConcurrency") == 5.0,
			"hidden for six timeouts":    queue.Properties["VisibilityTimeout"] == 6*timeout,
			"dead after twenty tries":    at(queue.Properties, "RedrivePolicy", "maxReceiveCount") == 20.0,
			"a queue of dead letters":    tpl.isDead(target(at(queue.Properties, "RedrivePolicy", "deadLetterTargetArn"))),
			"kept for fourteen days":     queue.Properties["MessageRetentionPeriod"] == 1209600.0,
			"encrypted by SQS's own key": queue.Properties["SqsManagedSseEnabled"] == true,
		} {
			if !ok {
				t.Errorf("the queue of purchases: want %s", what)
			}
		}
	}
	if mappings != 1 {
		t.Errorf("%d mappings from queues", mappings)
	}
}

func TestQueuesTakeNothingUnencrypted(t *testing.T) {
	tpl := readTemplate(t, prod)
	guarded := map[string]bool{}
	for _, policy := range tpl.ofType(t, "AWS::SQS::QueuePolicy") {
		for _, statement := range list(at(policy.Properties, "PolicyDocument", "Statement")) {
			if at(statement, "Effect") == "Deny" && at(statement, "Condition", "Bool", "aws:SecureTransport") == "false" {
				for _, queue := range list(policy.Properties["Queues"]) {
					guarded[target(queue)] = true
				}
			}
		}
	}
	for id, queue := range tpl.ofType(t, "AWS::SQS::Queue") {
		if !guarded[id] || queue.Properties["SqsManagedSseEnabled"] != true {
			t.Errorf("queue %s: want TLS and encryption", id)
		}
	}
}

// What EventBridge has delivered is Lambda's to keep.
func TestFailedCallsAreKept(t *testing.T) {
	tpl := readTemplate(t, prod)
	var kept []string
	for _, config := range tpl.ofType(t, "AWS::Lambda::EventInvokeConfig") {
		name, _ := tpl.Resources[target(config.Properties["FunctionName"])].Properties["FunctionName"].(string)
		kept = append(kept, name)
		if config.Properties["MaximumRetryAttempts"] != 2.0 || !tpl.isDead(target(at(config.Properties, "DestinationConfig", "OnFailure", "Destination"))) {
			t.Errorf("the calls of %s: want two retries, then a queue", name)
		}
	}
	slices.Sort(kept)
	if want := []string{FunctionName(FunctionNotify), FunctionName(FunctionRefill)}; !slices.Equal(kept, want) {
		t.Errorf("calls are kept of %v, want %v", kept, want)
	}
}

// The operator fills in Stripe's keys; they are not in the template.
func TestStripesKeys(t *testing.T) {
	tpl := readTemplate(t, prod)
	told := map[string]bool{
		httpapi.FunctionWebhook: true, httpapi.FunctionCheckout: true, FunctionPurchase: true, FunctionRefill: true, FunctionRenew: true,
	}
	for _, name := range allFunctions(t) {
		_, function := tpl.function(t, name)
		keys := target(at(function.Properties, "Environment", "Variables", "STRIPE_KEYS"))
		url := target(at(function.Properties, "Environment", "Variables", "STRIPE_API_URL"))
		if (keys == "StripeKeys") != told[name] || (url == "StripeApiUrl") != told[name] {
			t.Errorf("%s gets %q at %q", name, keys, url)
		}
	}
	secret := tpl.Resources["StripeKeys"].Properties
	if at(secret, "GenerateSecretString", "SecretStringTemplate") != `{"secret_key":"","webhook_secret":""}` {
		t.Errorf("the secret is made as %v", secret)
	}
	if tpl.Parameters["StripeApiUrl"]["Default"] != "https://api.stripe.com" {
		t.Errorf("the parameter is %v", tpl.Parameters["StripeApiUrl"])
	}
}

// Only a development stage lets webhooks reach local networks.
func TestWebhooksReachNoLocalNetwork(t *testing.T) {
	for stackName, want := range map[string]any{prod: nil, alarmed: nil, dev: map[string]any{"Ref": "LocalWebhooks"}} {
		for _, name := range []string{httpapi.FunctionManage, FunctionNotify} {
			_, function := readTemplate(t, stackName).function(t, name)
			if got := at(function.Properties, "Environment", "Variables", "LOCAL_WEBHOOKS"); !reflect.DeepEqual(got, want) {
				t.Errorf("%s of %s: LOCAL_WEBHOOKS is %v", name, stackName, got)
			}
		}
	}
	if got := readTemplate(t, dev).Parameters["LocalWebhooks"]["Default"]; got != "false" {
		t.Errorf("by default, a development stage has LocalWebhooks=%v", got)
	}
}

func TestItemsGoByTheirExpiry(t *testing.T) {
	tpl := readTemplate(t, prod)
	for id, table := range tpl.ofType(t, "AWS::DynamoDB::Table") {
		want := any(nil)
		if strings.HasPrefix(id, "Accounts") {
			want = map[string]any{"AttributeName": "xt", "Enabled": true}
		}
		if got := table.Properties["TimeToLiveSpecification"]; !reflect.DeepEqual(got, want) {
			t.Errorf("table %s: %v", id, got)
		}
	}
}

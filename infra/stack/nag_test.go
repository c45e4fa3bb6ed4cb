package stack

import (
	"encoding/json"
	"strings"
	"testing"
)

// accepted are the findings of cdk-nag's AwsSolutions pack that stand, by rule
// and resource (its path in the stack begins so), each with the reason. A
// finding that is not here fails the test, and so does one that is here but no
// longer found.
var accepted = []struct{ rule, resource, reason string }{
	{
		"AwsSolutions-SMG4", "SessionKey",
		"make rotate-sessions rotates it, by the engineer's own permissions: a schedule would need a function that may " +
			"write the key. A key that was rotated makes no session any more.",
	},
	{
		"AwsSolutions-APIG4", "Route ",
		"Keys are checked inside each function: no authorizer call on the hot path, a revoked key is refused within " +
			"seconds, and a refusal is a problem answer. A route without a scope is served to nobody.",
	},
	{
		"AwsSolutions-S1", "Failures",
		"Only Lambda, the sweep and the audit touch the bucket of failed batches, each by a role of its own; " +
			"a log of those accesses would be one more bucket to guard and tells nobody anything.",
	},
	{
		"AwsSolutions-S1", "RelayFailures",
		"Only Lambda and the relay's own sweep touch it; see that of the roll-up.",
	},
	{
		"AwsSolutions-SMG4", "StripeKeys",
		"Stripe makes these keys, so Stripe rolls them: the operator puts the new ones in, and nothing else can.",
	},
	{
		"AwsSolutions-SQS3", "Undelivered",
		"It is the queue of dead letters of the bus's rules, which cdk-nag does not see: it knows those of other queues only.",
	},
	{
		"AwsSolutions-SQS3", "NotifyFailed",
		"It is where Lambda leaves the events whose calls failed, and so a queue of dead letters itself; an alarm watches it.",
	},
	{
		"AwsSolutions-SQS3", "RefillFailed",
		"It is where Lambda leaves the events whose calls failed, and so a queue of dead letters itself; an alarm watches it.",
	},
	{
		"AwsSolutions-IAM5", "RelayRole/",
		"The wildcard stands for the objects of one bucket, that of the relay's failed batches, whose names Lambda makes up.",
	},
	{
		"AwsSolutions-IAM5", "RollupRole/",
		"The wildcard stands for the objects of one bucket, that of failed batches, whose names Lambda makes up.",
	},
	{
		"AwsSolutions-IAM5", "AuditRole/",
		"The wildcard stands for the objects of one bucket, that of failed batches: one an account that lags.",
	},
}

func TestNag(t *testing.T) {
	used := map[int]bool{}
	for _, stackName := range []string{prod, dev, alarmed} {
		var report struct {
			Lines []struct{ RuleID, ResourceID, Compliance, RuleInfo string }
		}
		if err := json.Unmarshal(readAssembly(t, "AwsSolutions-"+stackName+"-NagReport.json"), &report); err != nil {
			t.Fatal(err)
		}
		compliant := 0
		for _, line := range report.Lines {
			if line.Compliance == "Compliant" {
				compliant++
				continue
			}
			if i := acceptedAs(line.RuleID, strings.TrimPrefix(line.ResourceID, stackName+"/")); i >= 0 {
				used[i] = true
				continue
			}
			t.Errorf("%s: %s on %s: %s", line.RuleID, line.Compliance, line.ResourceID, line.RuleInfo)
		}
		if compliant < leastCompliant {
			t.Errorf("cdk-nag found %d places in %s that keep a rule: did it run?", compliant, stackName)
		}
	}
	for i, a := range accepted {
		if !used[i] {
			t.Errorf("%s on %s is accepted but no longer found: take it off the list", a.rule, a.resource)
		}
	}
}

func acceptedAs(rule, resource string) int {
	for i, a := range accepted {
		if a.rule == rule && strings.HasPrefix(resource, a.resource) {
			return i
		}
	}
	return -1
}

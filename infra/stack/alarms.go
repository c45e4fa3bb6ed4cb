package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
	"drawdown/shared/telemetry"
)

// metricDimension is the one dimension of the functions' own metrics; its value
// is the function's deployed name.
const metricDimension = "Function"

// alarm is raised when a metric reaches its threshold in outOf of the last `of`
// periods.
type alarm struct {
	id        string
	says      string // what it means to the engineer on call
	metric    awscloudwatch.IMetric
	threshold float64
	outOf, of int
	silence   bool // the reverse: raised below the threshold, or without any value
}

// addAlarms watches for faults of our own, not for callers' errors. A handled
// fault is an HTTP 5xx; a crash or a timeout is a function's error.
func (p *platform) addAlarms() {
	minute := awscdk.Duration_Minutes(jsii.Number(1))
	topic := p.newAlarmTopic()
	sum := &awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Sum")}
	var alarms []alarm
	for _, spec := range functionSpecs() {
		function, id := p.functions[spec.name], constructID(spec.name)
		alarms = append(alarms,
			alarm{id + "Errors", FunctionName(spec.name) + " crashed or timed out", function.MetricErrors(sum), 1, 3, 5, false},
			alarm{id + "Throttles", FunctionName(spec.name) + " is throttled by Lambda: callers get 5xx", function.MetricThrottles(sum), 1, 3, 5, false},
		)
	}
	debit := p.functions[httpapi.FunctionDebit]
	alarms = append(alarms,
		alarm{"DebitSlow", "The p99 duration of debit calls is above one second (milliseconds)",
			debit.MetricDuration(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("p99")}), 1000, 3, 5, false},
		alarm{"DebitContended", "Debits fail with 503 contended: an account has more concurrent callers than one wallet can serve; ask its callers to send batches",
			p.metric(telemetry.Contended, httpapi.FunctionDebit, minute), 10, 3, 5, false},
		alarm{"ManageContended", "Grants fail with 503 contended: an account is so busy that it cannot be granted credits",
			p.metric(telemetry.Contended, httpapi.FunctionManage, minute), 1, 1, 1, false},
		alarm{"DebitFailures", "Debits fail with 500 or 503, including those in batches and direct invocations: the log of debit gives the reason",
			p.metric(telemetry.Failures, httpapi.FunctionDebit, minute), 5, 3, 5, false},
		alarm{"ApiServerErrors", "Callers get 5xx", p.serverErrors(minute), 5, 3, 5, false},
	)
	alarms = append(alarms, p.usageAlarms(minute)...)
	alarms = append(alarms, p.eventAlarms(minute)...)
	for _, table := range dynamo.Schema() {
		alarms = append(alarms, alarm{table.Name + "SystemErrors", "DynamoDB returns server errors for " + table.Name,
			p.tableErrors(table, "SystemErrors", minute), 5, 3, 5, false},
			alarm{table.Name + "Throttled", "DynamoDB throttles " + table.Name + ": a partition key is too hot, or a quota of the AWS account is reached",
				p.tableErrors(table, "ThrottledRequests", minute), 10, 3, 5, false})
	}
	for _, a := range alarms {
		p.addAlarm(a, topic)
	}
}

func (p *platform) addAlarm(a alarm, topic awssns.Topic) {
	comparison, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
	if a.silence {
		comparison, missing = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING
	}
	resource := awscloudwatch.NewAlarm(p.Stack, jsii.String(a.id+"Alarm"), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(a.says),
		Metric:             a.metric,
		Threshold:          jsii.Number(a.threshold),
		ComparisonOperator: comparison,
		DatapointsToAlarm:  jsii.Number(a.outOf),
		EvaluationPeriods:  jsii.Number(a.of),
		TreatMissingData:   missing,
	})
	if topic != nil {
		resource.AddAlarmAction(awscloudwatchactions.NewSnsAction(topic))
		resource.AddOkAction(awscloudwatchactions.NewSnsAction(topic))
	}
}

// usageAlarms watch what no caller sees: usage that falls behind, and anything
// stored that differs from its ledger.
func (p *platform) usageAlarms(minute awscdk.Duration) []alarm {
	age := p.functions[FunctionRollup].Metric(jsii.String("IteratorAge"), &awscloudwatch.MetricOptions{
		Period: minute, Statistic: jsii.String("Maximum"),
	})
	return []alarm{
		{"RollupSwept", "Stream batches failed for good, or the audit found accounts whose usage lags: both are retried every five minutes; the log of rollup gives the reason",
			p.metric(telemetry.Swept, FunctionRollup, minute), 1, 1, 1, false},
		{"SweepFailed", "Retries of failed stream batches fail too: the log of rollup gives the reason",
			p.metric(telemetry.SweepFailed, FunctionRollup, minute), 1, 1, 1, false},
		{"AuditFailed", "The audit of an account could not be completed: the log of audit gives the reason",
			p.metric(telemetry.AuditFailed, httpapi.FunctionAudit, minute), 1, 1, 1, false},
		{"AuditSilent", "No account has been audited for two days: the nightly audit is not running",
			p.metric(telemetry.Audited, httpapi.FunctionAudit, awscdk.Duration_Days(jsii.Number(1))), 1, 2, 2, true},
		{"UsageBehind", "Usage is more than five minutes behind the stream (age of the oldest record in milliseconds)", age, 300_000, 3, 5, false},
		{"Quarantined", "An entry cannot be folded, and its account's usage has stopped there: make quarantined lists the accounts; fix the cause, then make catch-up or make rebuild",
			p.metric(telemetry.Quarantined, FunctionRollup, minute), 1, 1, 1, false},
		{"Drift", "A wallet or its usage differs from its ledger: the log of audit shows where",
			p.metric(telemetry.Drift, httpapi.FunctionAudit, minute), 1, 1, 1, false},
	}
}

// eventAlarms watch what runs in the background: no caller would notice if it
// failed.
func (p *platform) eventAlarms(minute awscdk.Duration) []alarm {
	age := p.functions[FunctionRelay].Metric(jsii.String("IteratorAge"), &awscloudwatch.MetricOptions{
		Period: minute, Statistic: jsii.String("Maximum"),
	})
	dead := func(id string) awscloudwatch.IMetric {
		return p.dead[id].MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Maximum")})
	}
	return []alarm{
		{"DeadPurchases", "Notices from Stripe could not be settled: the log of purchase gives the reason; fix it, then redrive the dead-letter queue to Purchases",
			dead(deadPurchases), 1, 1, 1, false},
		{"Undelivered", "EventBridge could not deliver events to their targets: each message in the dead-letter queue names its rule and the reason",
			dead(deadDeliveries), 1, 1, 1, false},
		{"NotifyFailed", "Events could not be turned into webhooks: the log of notify gives the reason; fix it, then invoke notify with the events in the dead-letter queue",
			dead(deadNotify), 1, 1, 1, false},
		{"RefillFailed", "Automatic refills keep failing: the log of refill gives the reason; they are retried every five minutes",
			dead(deadRefill), 1, 1, 1, false},
		{"RelayBehind", "Events are published more than five minutes late (age of the oldest record in milliseconds)", age, 300_000, 3, 5, false},
		{"RelaySwept", "Stream batches with events failed for good: they are retried every five minutes; the log of relay gives the reason",
			p.metric(telemetry.Swept, FunctionRelay, minute), 1, 1, 1, false},
		{"RelaySweepFailed", "Retries of failed events fail too: the log of relay gives the reason",
			p.metric(telemetry.SweepFailed, FunctionRelay, minute), 1, 1, 1, false},
		{"WebhooksExhausted", "Webhooks failed for good: the log of notify names the endpoint and the delivery; resend them once the endpoint works",
			p.metric(telemetry.Exhausted, FunctionNotify, minute), 1, 1, 1, false},
		{"PurchaseFailures", "Payments, invoices or subscriptions are not settled: the log of purchase gives the reason; the queue retries them for two hours",
			p.metric(telemetry.Failures, FunctionPurchase, minute), 1, 15, 30, false},
		{"RefillFailures", "Automatic refills are not settled: the log of refill names the account and the reason; they are retried every five minutes",
			p.metric(telemetry.Failures, FunctionRefill, minute), 1, 3, 15, false},
		{"RenewFailures", "Plans are not renewed, or overage is not billed: the log of renew names the account and the reason; they are retried every 15 minutes",
			p.metric(telemetry.Failures, FunctionRenew, awscdk.Duration_Minutes(jsii.Number(15))), 1, 3, 4, false},
		{"CheckoutFailures", "Buyers get 5xx, or their changes are not settled at once: the log of checkout gives the reason",
			p.metric(telemetry.Failures, httpapi.FunctionCheckout, minute), 3, 3, 5, false},
		{"MoneyForNothing", "An account pays for two subscriptions at once, or for one that has ended: the logs name it; refund the payment",
			p.sumOf(telemetry.MoneyForNothing, minute, FunctionPurchase, httpapi.FunctionCheckout, FunctionRenew), 1, 1, 1, false},
		{"WebhookFailures", "Stripe's webhooks get 5xx: Stripe's keys are missing, or EventBridge fails; Stripe retries for three days",
			p.metric(telemetry.Failures, httpapi.FunctionWebhook, minute), 1, 3, 5, false},
	}
}

// metric returns the sum of one of the functions' own metrics.
func (p *platform) metric(name, function string, period awscdk.Duration) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(telemetry.Namespace),
		MetricName:    jsii.String(name),
		DimensionsMap: &map[string]*string{metricDimension: jsii.String(FunctionName(function))},
		Period:        period,
		Statistic:     jsii.String("Sum"),
	})
}

// sumOf returns the sum of a metric over several functions. One that has not
// reported it counts as zero.
func (p *platform) sumOf(name string, period awscdk.Duration, functions ...string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	filled := make([]string, len(functions))
	for i, function := range functions {
		metrics[function] = p.metric(name, function, period)
		filled[i] = "FILL(" + function + ", 0)"
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("SUM([" + strings.Join(filled, ", ") + "])"), UsingMetrics: &metrics, Label: jsii.String(name), Period: period,
	})
}

func (p *platform) serverErrors(period awscdk.Duration) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String("AWS/ApiGateway"),
		MetricName:    jsii.String("5xx"),
		DimensionsMap: &map[string]*string{"ApiId": p.api.Ref()},
		Period:        period,
		Statistic:     jsii.String("Sum"),
	})
}

// tableErrors returns the sum of a metric over the operations in use. DynamoDB
// reports such a metric only when it is not zero, so gaps are filled: a plain sum
// would have no value whenever one operation had none.
func (p *platform) tableErrors(table dynamo.Table, name string, period awscdk.Duration) awscloudwatch.IMetric {
	operations := []string{"GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
	metrics := map[string]awscloudwatch.IMetric{}
	filled := make([]string, len(operations))
	for i, operation := range operations {
		id := strings.ToLower(operation)
		filled[i] = "FILL(" + id + ", 0)"
		metrics[id] = awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace:  jsii.String("AWS/DynamoDB"),
			MetricName: jsii.String(name),
			DimensionsMap: &map[string]*string{
				"TableName": p.tables[table.Name].TableName(),
				"Operation": jsii.String(operation),
			},
			Period:    period,
			Statistic: jsii.String("Sum"),
		})
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String("SUM([" + strings.Join(filled, ", ") + "])"),
		UsingMetrics: &metrics,
		Label:        jsii.String(name + " of " + table.Name),
		Period:       period,
	})
}

// newAlarmTopic returns nil unless the deployment names an address to notify:
// without one, alarms show in CloudWatch only.
func (p *platform) newAlarmTopic() awssns.Topic {
	if p.config.AlarmEmail == "" {
		return nil
	}
	topic := awssns.NewTopic(p.Stack, jsii.String("AlarmTopic"), &awssns.TopicProps{
		MasterKey:  p.key,
		EnforceSSL: jsii.Bool(true),
	})
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(p.config.AlarmEmail), nil))
	cloudWatch := awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)
	topic.GrantPublish(cloudWatch)
	p.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{cloudWatch},
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
		Resources:  jsii.Strings("*"), // in a key's policy: this key
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": p.Account()}},
	}), nil)
	return topic
}

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

// alarm is a line that a metric should not cross: threshold or more, in
// outOf of the last `of` periods.
type alarm struct {
	id        string
	says      string // what it means to whoever is woken
	metric    awscloudwatch.IMetric
	threshold float64
	outOf, of int
	silence   bool // the other way round: less than the threshold, and no value at all, is what should not be
}

// addAlarms watches what tells a caller's trouble from one of our own. A handled
// fault is an HTTP 5xx; a crash or a timeout is a function's error.
func (p *platform) addAlarms() {
	minute := awscdk.Duration_Minutes(jsii.Number(1))
	topic := p.newAlarmTopic()
	sum := &awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Sum")}
	var alarms []alarm
	for _, spec := range functionSpecs() {
		function, id := p.functions[spec.name], constructID(spec.name)
		alarms = append(alarms,
			alarm{id + "Errors", FunctionName(spec.name) + " crashes or times out", function.MetricErrors(sum), 1, 3, 5, false},
			alarm{id + "Throttles", FunctionName(spec.name) + " is denied concurrency: callers get 5xx", function.MetricThrottles(sum), 1, 3, 5, false},
		)
	}
	debit := p.functions[httpapi.FunctionDebit]
	alarms = append(alarms,
		alarm{"DebitSlow", "One debit call in a hundred takes longer than a second (milliseconds)",
			debit.MetricDuration(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("p99")}), 1000, 3, 5, false},
		alarm{"DebitContended", "Debits give up with 503 contended: an account is hotter than one wallet bears, its callers should batch",
			p.metric(telemetry.Contended, httpapi.FunctionDebit, minute), 10, 3, 5, false},
		alarm{"ManageContended", "Grants give up with 503 contended: an account is so hot that nothing can be given to it",
			p.metric(telemetry.Contended, httpapi.FunctionManage, minute), 1, 1, 1, false},
		alarm{"DebitFailures", "Debits are answered with 500 or 503, those within batches and direct invocations included: the log of the debit function says why",
			p.metric(telemetry.Failures, httpapi.FunctionDebit, minute), 5, 3, 5, false},
		alarm{"ApiServerErrors", "Callers get 5xx", p.serverErrors(minute), 5, 3, 5, false},
	)
	alarms = append(alarms, p.usageAlarms(minute)...)
	alarms = append(alarms, p.eventAlarms(minute)...)
	for _, table := range dynamo.Schema() {
		alarms = append(alarms, alarm{table.Name + "SystemErrors", "DynamoDB fails calls to " + table.Name + " on its side",
			p.tableErrors(table, "SystemErrors", minute), 5, 3, 5, false},
			alarm{table.Name + "Throttled", "DynamoDB throttles " + table.Name + ": a key is too hot, or the account's quota is reached",
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

// usageAlarms watch what is told to nobody's face: usage that falls behind, and
// anything stored that is not the fold of its ledger.
func (p *platform) usageAlarms(minute awscdk.Duration) []alarm {
	age := p.functions[FunctionRollup].Metric(jsii.String("IteratorAge"), &awscloudwatch.MetricOptions{
		Period: minute, Statistic: jsii.String("Maximum"),
	})
	return []alarm{
		{"RollupSwept", "The stream mapping has given up on batches, or the audit found accounts that lag: the sweep rings for them, and the log of rollup says why they failed",
			p.metric(telemetry.Swept, FunctionRollup, minute), 1, 1, 1, false},
		{"SweepFailed", "A call in the bucket of failures fails again: the log of rollup says why",
			p.metric(telemetry.SweepFailed, FunctionRollup, minute), 1, 1, 1, false},
		{"AuditFailed", "The audit of an account did not come to an end: the log of audit says why",
			p.metric(telemetry.AuditFailed, httpapi.FunctionAudit, minute), 1, 1, 1, false},
		{"AuditSilent", "No account has been audited for two days: the nightly audit does not run",
			p.metric(telemetry.Audited, httpapi.FunctionAudit, awscdk.Duration_Days(jsii.Number(1))), 1, 2, 2, true},
		{"UsageBehind", "Usage lags: the oldest change of a wallet waits longer than five minutes (milliseconds)", age, 300_000, 3, 5, false},
		{"Quarantined", "An entry cannot be folded and its account's usage stands still; list them with make quarantined, then make rebuild",
			p.metric(telemetry.Quarantined, FunctionRollup, minute), 1, 1, 1, false},
		{"Drift", "A wallet or its usage is not the fold of its ledger: the audit function's log says where",
			p.metric(telemetry.Drift, httpapi.FunctionAudit, minute), 1, 1, 1, false},
	}
}

// eventAlarms watch what is said and done behind everybody's back: what is lost
// there is noticed by nobody else.
func (p *platform) eventAlarms(minute awscdk.Duration) []alarm {
	age := p.functions[FunctionRelay].Metric(jsii.String("IteratorAge"), &awscloudwatch.MetricOptions{
		Period: minute, Statistic: jsii.String("Maximum"),
	})
	dead := func(id string) awscloudwatch.IMetric {
		return p.dead[id].MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Period: minute, Statistic: jsii.String("Maximum")})
	}
	return []alarm{
		{"DeadPurchases", "Notices of payments could not be settled: the log of purchase says why; once that is mended, redrive the queue of dead letters to Purchases",
			dead(deadPurchases), 1, 1, 1, false},
		{"Undelivered", "EventBridge could not hand events over: each message in the queue names its rule and the reason",
			dead(deadDeliveries), 1, 1, 1, false},
		{"NotifyFailed", "Webhooks of events could not be started: the log of notify says why; invoke it again with the events in the queue",
			dead(deadNotify), 1, 1, 1, false},
		{"RefillFailed", "Refills fail again and again: the log of refill says why, and the sweep of every five minutes goes on trying",
			dead(deadRefill), 1, 1, 1, false},
		{"RelayBehind", "News lag: the oldest image of a wallet waits longer than five minutes to be said on the bus (milliseconds)", age, 300_000, 3, 5, false},
		{"RelaySwept", "The stream mapping has given up on news: the sweep says them, and the log of relay says why they failed",
			p.metric(telemetry.Swept, FunctionRelay, minute), 1, 1, 1, false},
		{"RelaySweepFailed", "News in the bucket of failures fail again: the log of relay says why",
			p.metric(telemetry.SweepFailed, FunctionRelay, minute), 1, 1, 1, false},
		{"WebhooksExhausted", "Webhooks failed for good: the log of notify names endpoint and delivery; resend them once the endpoint works",
			p.metric(telemetry.Exhausted, FunctionNotify, minute), 1, 1, 1, false},
		{"PurchaseFailures", "Payments, invoices or subscriptions are not settled: the log of purchase says why; the queue brings them again, for two hours",
			p.metric(telemetry.Failures, FunctionPurchase, minute), 1, 15, 30, false},
		{"RefillFailures", "Automatic refills are not settled: the log of refill says whose and why; the sweep tries again every five minutes",
			p.metric(telemetry.Failures, FunctionRefill, minute), 1, 3, 15, false},
		{"RenewFailures", "Plans are not renewed, or overage is not billed: the log of renew says whose and why; it is tried again every 15 minutes",
			p.metric(telemetry.Failures, FunctionRenew, awscdk.Duration_Minutes(jsii.Number(15))), 1, 3, 4, false},
		{"CheckoutFailures", "Buyers are answered with 5xx, or what they have changed is not settled at once: the log of checkout says why",
			p.metric(telemetry.Failures, httpapi.FunctionCheckout, minute), 3, 3, 5, false},
		{"MoneyForNothing", "Somebody pays and gets nothing: two subscriptions at once, or an invoice of one that has ended; the logs name the account: refund it",
			p.sumOf(telemetry.MoneyForNothing, minute, FunctionPurchase, httpapi.FunctionCheckout, FunctionRenew), 1, 1, 1, false},
		{"WebhookFailures", "Stripe's webhooks are answered with 5xx: keys are missing, or the bus fails; Stripe sends them again for three days",
			p.metric(telemetry.Failures, httpapi.FunctionWebhook, minute), 1, 3, 5, false},
	}
}

// metric is the sum of one of the functions' own metrics.
func (p *platform) metric(name, function string, period awscdk.Duration) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(telemetry.Namespace),
		MetricName:    jsii.String(name),
		DimensionsMap: &map[string]*string{metricDimension: jsii.String(FunctionName(function))},
		Period:        period,
		Statistic:     jsii.String("Sum"),
	})
}

// sumOf is the sum of a metric over some functions. One that has not reported it
// counts as zero.
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

// tableErrors is the sum of a metric over the operations in use. DynamoDB
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

// newAlarmTopic is nil unless the deployment names an address to tell: alarms
// without one show in CloudWatch only.
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

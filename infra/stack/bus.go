package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"drawdown/events"
)

const (
	notifyTimeoutS   = 60
	purchaseTimeoutS = 60

	// queueVisibilityFactor is the visibility timeout as a multiple of the
	// function's timeout, as Lambda recommends for batches that are retried.
	queueVisibilityFactor = 6
	// purchaseBatch is the most notices in one batch.
	purchaseBatch = 5
	// purchaseLanes is how many batches are processed at once: they call Stripe,
	// which allows some dozens of requests a second.
	purchaseLanes = 5
	// purchaseReceives is how often a notice is tried before it becomes a dead
	// letter: over some two hours.
	purchaseReceives = 20
	// deadLetterDays is how long a dead letter is kept.
	deadLetterDays = 14

	// How often, and for how long, a rule's target is retried.
	targetRetries = 185
	targetHours   = 24
	// asyncRetries is how often Lambda retries a failed asynchronous invocation.
	asyncRetries = 2
)

// The queues of dead letters, by their construct ids.
const (
	deadPurchases  = "DeadPurchases" // notices that could not be settled
	deadDeliveries = "Undelivered"   // events that EventBridge could not deliver
	deadNotify     = "NotifyFailed"  // events that could not be turned into webhooks
	deadRefill     = "RefillFailed"  // refills that failed; the schedule retries them too
)

// addBus adds the bus on which the platform publishes events. Operators add their
// own rules to it.
func (p *platform) addBus() {
	p.bus = awsevents.NewEventBus(p.Stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String("drawdown"),
		Description:  jsii.String("Drawdown: events of accounts"),
	})
}

// addQueues adds the queue of notices and the dead-letter queues.
func (p *platform) addQueues() {
	for _, id := range []string{deadPurchases, deadDeliveries, deadNotify, deadRefill} {
		p.dead[id] = awssqs.NewQueue(p.Stack, jsii.String(id), &awssqs.QueueProps{
			Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
			EnforceSSL:      jsii.Bool(true),
			RetentionPeriod: awscdk.Duration_Days(jsii.Number(deadLetterDays)),
		})
	}
	p.purchases = awssqs.NewQueue(p.Stack, jsii.String("Purchases"), &awssqs.QueueProps{
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		RetentionPeriod:   awscdk.Duration_Days(jsii.Number(deadLetterDays)),
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(queueVisibilityFactor * purchaseTimeoutS)),
		DeadLetterQueue: &awssqs.DeadLetterQueue{
			Queue: p.dead[deadPurchases], MaxReceiveCount: jsii.Number(purchaseReceives),
		},
	})
}

// ruleName returns the deployed name of the rule for one type of message.
func ruleName(kind events.Type) string {
	return "drawdown-" + strings.NewReplacer(".", "-", "_", "-").Replace(string(kind))
}

// ruleID returns its construct id: the type in camel case.
func ruleID(kind events.Type) string {
	var id strings.Builder
	for word := range strings.FieldsFuncSeq(string(kind), func(r rune) bool { return r == '.' || r == '_' }) {
		id.WriteString(constructID(word))
	}
	return "On" + id.String()
}

// addRules connects events with their receivers: one rule for each public type, to
// which an operator may add targets, and one for each internal type.
func (p *platform) addRules() {
	retries := func() (*float64, awscdk.Duration) {
		return jsii.Number(targetRetries), awscdk.Duration_Hours(jsii.Number(targetHours))
	}
	call := func(name string) awsevents.IRuleTarget {
		attempts, age := retries()
		return awseventstargets.NewLambdaFunction(p.functions[name], &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: p.dead[deadDeliveries], RetryAttempts: attempts, MaxEventAge: age,
		})
	}
	for _, kind := range events.Types() {
		p.addRule(kind, "Webhooks for "+string(kind), call(FunctionNotify))
	}
	p.addRule(events.RefillDue, "Refills that may be due", call(FunctionRefill))
	attempts, age := retries()
	p.addRule(events.ProcessorNotice, "Notices from Stripe", awseventstargets.NewSqsQueue(p.purchases, &awseventstargets.SqsQueueProps{
		DeadLetterQueue: p.dead[deadDeliveries], RetryAttempts: attempts, MaxEventAge: age,
	}))
	p.addPurchaseMapping()
	p.keepFailedCalls()
}

func (p *platform) addRule(kind events.Type, description string, target awsevents.IRuleTarget) {
	awsevents.NewRule(p.Stack, jsii.String(ruleID(kind)), &awsevents.RuleProps{
		RuleName:    jsii.String(ruleName(kind)),
		Description: jsii.String(description),
		EventBus:    p.bus,
		EventPattern: &awsevents.EventPattern{
			Source: jsii.Strings(events.Source), DetailType: jsii.Strings(string(kind)),
		},
		Targets: &[]awsevents.IRuleTarget{target},
	})
}

func (p *platform) addPurchaseMapping() {
	purchase := p.functions[FunctionPurchase]
	mapping := awslambda.NewCfnEventSourceMapping(p.Stack, jsii.String("PurchasesToPurchase"), &awslambda.CfnEventSourceMappingProps{
		FunctionName:          purchase.FunctionArn(),
		EventSourceArn:        p.purchases.QueueArn(),
		BatchSize:             jsii.Number(purchaseBatch),
		FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		ScalingConfig:         &awslambda.CfnEventSourceMapping_ScalingConfigProperty{MaximumConcurrency: jsii.Number(purchaseLanes)},
	})
	// The mapping cannot be created before the role may read the queue.
	mapping.Node().AddDependency(purchase.Role())
}

// keepFailedCalls keeps the events whose invocations failed for good: EventBridge
// delivered them, so its own dead-letter queue does not get them.
func (p *platform) keepFailedCalls() {
	for _, spec := range functionSpecs() {
		if spec.dead == "" {
			continue
		}
		function := p.functions[spec.name]
		config := awslambda.NewCfnEventInvokeConfig(p.Stack, jsii.String(constructID(spec.name)+"Calls"), &awslambda.CfnEventInvokeConfigProps{
			FunctionName:         function.FunctionName(),
			Qualifier:            jsii.String("$LATEST"),
			MaximumRetryAttempts: jsii.Number(asyncRetries),
			DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
				OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: p.dead[spec.dead].QueueArn()},
			},
		})
		// The destination cannot be set before the role may send to it.
		config.Node().AddDependency(function.Role())
	}
}

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

	// queueVisibilityFactor is how many times its function's timeout a message is
	// hidden while it is worked on, as Lambda advises for batches that come again.
	queueVisibilityFactor = 6
	// purchaseBatch is how many notices come together, at most.
	purchaseBatch = 5
	// purchaseLanes is how many batches are worked on at once: they ask Stripe,
	// which bears some dozens of requests a second.
	purchaseLanes = 5
	// purchaseReceives is how often a notice is tried before it is a dead letter:
	// over some two hours.
	purchaseReceives = 20
	// deadLetterDays is how long a dead letter waits for somebody to look.
	deadLetterDays = 14

	// A rule's target that cannot be reached is tried so often and so long.
	targetRetries = 185
	targetHours   = 24
	// asyncRetries is how often Lambda makes an event's call again that failed.
	asyncRetries = 2
)

// The queues of dead letters, by their construct ids.
const (
	deadPurchases  = "DeadPurchases" // notices that could not be settled
	deadDeliveries = "Undelivered"   // events that EventBridge could not hand over
	deadNotify     = "NotifyFailed"  // events whose webhooks could not be started
	deadRefill     = "RefillFailed"  // refills that failed, which the schedule looks at too
)

// addBus makes the bus on which the platform says what has happened. An operator
// adds rules of their own to it.
func (p *platform) addBus() {
	p.bus = awsevents.NewEventBus(p.Stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String("drawdown"),
		Description:  jsii.String("Drawdown: what has happened to accounts"),
	})
}

// addQueues makes the queue of notices and those of dead letters.
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

// ruleName is the deployed name of the rule of one kind of messages.
func ruleName(kind events.Type) string {
	return "drawdown-" + strings.NewReplacer(".", "-", "_", "-").Replace(string(kind))
}

// ruleID is its construct id: the kind in camel case.
func ruleID(kind events.Type) string {
	var id strings.Builder
	for word := range strings.FieldsFuncSeq(string(kind), func(r rune) bool { return r == '.' || r == '_' }) {
		id.WriteString(constructID(word))
	}
	return "On" + id.String()
}

// addRules connects what is said with who listens: one rule an outward kind, to
// which an operator may add targets, and one an inward kind.
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
		p.addRule(kind, "Webhooks of "+string(kind), call(FunctionNotify))
	}
	p.addRule(events.RefillDue, "Refills that may be due", call(FunctionRefill))
	attempts, age := retries()
	p.addRule(events.ProcessorNotice, "What Stripe has news of", awseventstargets.NewSqsQueue(p.purchases, &awseventstargets.SqsQueueProps{
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
	// The mapping cannot be made before the role may read the queue.
	mapping.Node().AddDependency(purchase.Role())
}

// keepFailedCalls keeps the events whose calls fail again and again: by then
// EventBridge has handed them over and knows nothing more of them.
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

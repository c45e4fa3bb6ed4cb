package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// How the stream of Wallets triggers the roll-up and the relay. A record is only a
// trigger: the entries are read from the ledger, so many records of one account
// cost one run.
const (
	rollupTimeoutS = 60
	// streamBatch is the most records in one batch.
	streamBatch = 500
	// streamWindowS is how long records are gathered: usage lags by as much more,
	// and fewer sheets are written.
	streamWindowS = 1
	// streamLanes is how many batches of one shard are processed at once. Those of
	// one wallet are processed in order.
	streamLanes = 4
	// A record that fails this often, or gets this old, goes to the bucket of
	// failures, which is retried on a schedule.
	streamRetries = 10
	streamMaxAgeS = 6 * 3600
	// failureDays is how long a failed batch is kept. The audit finds what is still
	// missing after that.
	failureDays = 30
)

// addFailures adds the buckets for batches that the stream mappings failed to
// deliver, one per mapping: the function that a batch was meant for retries it.
// Whole batches go there; a queue would get their metadata only.
func (p *platform) addFailures() {
	for _, id := range []string{failuresOfRollup, failuresOfRelay} {
		p.failures[id] = awss3.NewBucket(p.Stack, jsii.String(id), &awss3.BucketProps{
			BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
			Encryption:        awss3.BucketEncryption_S3_MANAGED,
			EnforceSSL:        jsii.Bool(true),
			RemovalPolicy:     p.removalPolicy(),
			LifecycleRules: &[]*awss3.LifecycleRule{{
				Expiration: awscdk.Duration_Days(jsii.Number(failureDays)),
			}},
		})
	}
}

// pendingEvents filters the images of wallets that trigger the relay: those with
// alerts, or with a refill that is due.
func pendingEvents() []string {
	return []string{
		`{"dynamodb":{"NewImage":{"na":{"BOOL":[true]}}}}`,
		`{"dynamodb":{"NewImage":{"rd":{"BOOL":[true]}}}}`,
	}
}

func (p *platform) addStreamMappings() {
	p.addStreamMapping("WalletsToRollup", FunctionRollup, p.failures[failuresOfRollup])
	p.addStreamMapping("WalletsToRelay", FunctionRelay, p.failures[failuresOfRelay], pendingEvents()...)
}

// addStreamMapping triggers a function from the stream of Wallets, for the images
// that match one of the filters, or for all without filters.
func (p *platform) addStreamMapping(id, name string, failures awss3.Bucket, filters ...string) {
	function := p.functions[name]
	props := &awslambda.CfnEventSourceMappingProps{
		FunctionName:                   function.FunctionArn(),
		EventSourceArn:                 p.tables[dynamo.WalletsTable.Name].TableStreamArn(),
		StartingPosition:               jsii.String("TRIM_HORIZON"),
		BatchSize:                      jsii.Number(streamBatch),
		MaximumBatchingWindowInSeconds: jsii.Number(streamWindowS),
		ParallelizationFactor:          jsii.Number(streamLanes),
		BisectBatchOnFunctionError:     jsii.Bool(true),
		FunctionResponseTypes:          jsii.Strings("ReportBatchItemFailures"),
		MaximumRetryAttempts:           jsii.Number(streamRetries),
		MaximumRecordAgeInSeconds:      jsii.Number(streamMaxAgeS),
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: failures.BucketArn()},
		},
	}
	if len(filters) > 0 {
		patterns := make([]*awslambda.CfnEventSourceMapping_FilterProperty, len(filters))
		for i, filter := range filters {
			patterns[i] = &awslambda.CfnEventSourceMapping_FilterProperty{Pattern: jsii.String(filter)}
		}
		props.FilterCriteria = &awslambda.CfnEventSourceMapping_FilterCriteriaProperty{Filters: &patterns}
	}
	mapping := awslambda.NewCfnEventSourceMapping(p.Stack, jsii.String(id), props)
	// The mapping cannot be created before the role may read the stream.
	mapping.Node().AddDependency(function.Role())
}

// addSchedules triggers what no caller and no stream does. Times are UTC.
func (p *platform) addSchedules() {
	p.addSchedule("SweepFailures", FunctionRollup, "Retries what the stream mapping failed to deliver to rollup",
		awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(5))), map[string]any{"sweep": true})
	p.addSchedule("SweepRelayFailures", FunctionRelay, "Retries what the stream mapping failed to deliver to relay",
		awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(5))), map[string]any{"sweep": true})
	p.addSchedule("RetryWebhooks", FunctionNotify, "Retries webhooks that are due",
		awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))), map[string]any{"retry": true})
	p.addSchedule("SweepRefills", FunctionRefill, "Starts due refills that no event triggered",
		awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(5))), map[string]any{"sweep": true})
	p.addSchedule("RenewPlans", FunctionRenew, "Renews plans whose period has ended, and bills overage",
		awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(15))), map[string]any{"due": true})
	p.addSchedule("NightlyExpiry", FunctionRenew, "Records grants that have expired",
		awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: jsii.String("2"), Minute: jsii.String("10")}), map[string]any{"expire": true})
	p.addSchedule("NightlyAudit", httpapi.FunctionAudit, "Proves every account's wallet and usage from its ledger",
		awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: jsii.String("3"), Minute: jsii.String("10")}), map[string]any{"all": true})
}

func (p *platform) addSchedule(id, function, description string, schedule awsevents.Schedule, input map[string]any) {
	rule := awsevents.NewRule(p.Stack, jsii.String(id), &awsevents.RuleProps{
		Description: jsii.String(description),
		Schedule:    schedule,
	})
	rule.AddTarget(awseventstargets.NewLambdaFunction(p.functions[function], &awseventstargets.LambdaFunctionProps{
		Event: awsevents.RuleTargetInput_FromObject(input),
		// The next run does what this one could not. Lambda itself retries a failed
		// event twice.
		RetryAttempts: jsii.Number(0),
	}))
}

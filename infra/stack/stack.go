package stack

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// Name is the stack's name in CloudFormation and in the cloud assembly.
const Name = "Drawdown"

// logRetention is how long every log is kept. The ledger is the record of what
// happened; logs are for finding faults.
const logRetention = awslogs.RetentionDays_ONE_MONTH

// platform is the stack under construction: one method a resource group, called
// in the order in which one group needs another.
type platform struct {
	awscdk.Stack
	config      Config
	operatorKey awscdk.CfnParameter
	key         awskms.Key
	tables      map[string]awsdynamodb.Table  // by dynamo.Table.Name
	functions   map[string]awslambda.Function // by folder under functions/
	sessionKey  awssecretsmanager.CfnSecret   // signs session tokens
	stripeKeys  awssecretsmanager.CfnSecret   // filled by the operator
	stripeURL   awscdk.CfnParameter           // where Stripe's API is
	localHooks  awscdk.CfnParameter           // of a development stage: whether webhooks may reach local networks
	failures    map[string]awss3.Bucket       // batches that a stream mapping failed to deliver, by construct id
	bus         awsevents.EventBus
	purchases   awssqs.Queue            // notices from Stripe
	dead        map[string]awssqs.Queue // what could not be delivered or done, by construct id
	api         awsapigatewayv2.CfnApi  // the HTTP API
}

// New adds the platform's stack to the app. It returns an error if the settings
// are not valid, or if a route names a function that access.go does not list.
func New(scope constructs.Construct, id string, config Config) (awscdk.Stack, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	p := &platform{
		Stack: awscdk.NewStack(scope, jsii.String(id), &awscdk.StackProps{
			Description:        jsii.String("Drawdown: credit meter and prepaid billing back end (" + string(config.Stage) + ")"),
			AnalyticsReporting: jsii.Bool(false),
		}),
		config:    config,
		tables:    map[string]awsdynamodb.Table{},
		functions: map[string]awslambda.Function{},
		failures:  map[string]awss3.Bucket{},
		dead:      map[string]awssqs.Queue{},
	}
	p.addParameters()
	p.addLocalHooks()
	p.addKey()
	for _, table := range dynamo.Schema() {
		p.addTable(table)
	}
	p.addFailures()
	p.addSessionKey()
	p.addStripeKeys()
	p.addBus()
	p.addQueues()
	for _, spec := range functionSpecs() {
		p.functions[spec.name] = p.newFunction(spec)
	}
	if err := p.addHTTPAPI(httpapi.Routes()); err != nil {
		return nil, err
	}
	p.addStreamMappings()
	p.addRules()
	p.addSchedules()
	p.addAlarms()
	p.addOutputs()
	return p.Stack, nil
}

func (p *platform) addParameters() {
	p.operatorKey = awscdk.NewCfnParameter(p.Stack, jsii.String("OperatorKey"), &awscdk.CfnParameterProps{
		Type: jsii.String("String"),
		Description: jsii.String("The operator's first admin key: its id, a colon, and the SHA-256 of the whole key in hex. " +
			"make deploy computes it from ADMIN_KEY, so the key itself never leaves the shell."),
		AllowedPattern:        jsii.String("[a-z0-9]{1,64}:[0-9a-f]{64}"),
		ConstraintDescription: jsii.String("must be <key id>:<64 lower-case hex digits>"),
		NoEcho:                jsii.Bool(true),
	})
	p.stripeURL = awscdk.NewCfnParameter(p.Stack, jsii.String("StripeApiUrl"), &awscdk.CfnParameterProps{
		Type:                  jsii.String("String"),
		Description:           jsii.String("The address of Stripe's API; change it for tests only"),
		Default:               jsii.String("https://api.stripe.com"),
		AllowedPattern:        jsii.String("https?://[A-Za-z0-9.:-]+"),
		ConstraintDescription: jsii.String("must be an address without a path"),
	})
}

// addLocalHooks adds a parameter that lets a development stage, which is also what
// runs on one machine, send webhooks to local networks. A production stage cannot.
func (p *platform) addLocalHooks() {
	if p.config.Stage != StageDev {
		return
	}
	p.localHooks = awscdk.NewCfnParameter(p.Stack, jsii.String("LocalWebhooks"), &awscdk.CfnParameterProps{
		Type:          jsii.String("String"),
		Description:   jsii.String("Whether webhooks may reach local networks; for one machine only"),
		Default:       jsii.String("false"),
		AllowedValues: jsii.Strings("true", "false"),
	})
}

// addKey adds the one customer-managed key, which encrypts the tables with
// their indexes, streams and backups.
func (p *platform) addKey() {
	p.key = awskms.NewKey(p.Stack, jsii.String("DataKey"), &awskms.KeyProps{
		Description:       jsii.String("Drawdown: tables, their streams and backups"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     p.removalPolicy(),
	})
}

// addSessionKey adds the secret that signs session tokens, generated from random
// letters and digits. make rotate-sessions replaces its value; the previous one
// stays valid as the previous version. Secrets Manager encrypts it with its own
// key, since it holds no account data.
func (p *platform) addSessionKey() {
	const length = 64
	p.sessionKey = awssecretsmanager.NewCfnSecret(p.Stack, jsii.String("SessionKey"), &awssecretsmanager.CfnSecretProps{
		Description: jsii.String("Drawdown: signs session tokens"),
		GenerateSecretString: &awssecretsmanager.CfnSecret_GenerateSecretStringProperty{
			PasswordLength:     jsii.Number(length),
			ExcludePunctuation: jsii.Bool(true),
		},
	})
}

// addStripeKeys adds the secret for Stripe's keys. Both are empty until the
// operator fills them in. The generated member is unused: Secrets Manager requires
// one where a template is given.
func (p *platform) addStripeKeys() {
	p.stripeKeys = awssecretsmanager.NewCfnSecret(p.Stack, jsii.String("StripeKeys"), &awssecretsmanager.CfnSecretProps{
		Description: jsii.String("Drawdown: Stripe's secret_key and webhook_secret, to be filled in by the operator"),
		GenerateSecretString: &awssecretsmanager.CfnSecret_GenerateSecretStringProperty{
			SecretStringTemplate: jsii.String(`{"secret_key":"","webhook_secret":""}`),
			GenerateStringKey:    jsii.String("unused"),
			ExcludePunctuation:   jsii.Bool(true),
		},
	})
}

// removalPolicy returns what happens to data when its resource leaves the stack.
func (p *platform) removalPolicy() awscdk.RemovalPolicy {
	if p.config.Stage == StageProd {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

func (p *platform) addTable(table dynamo.Table) {
	props := &awsdynamodb.TableProps{
		PartitionKey:  keyAttribute(table.Partition),
		BillingMode:   awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:    awsdynamodb.TableEncryption_CUSTOMER_MANAGED,
		EncryptionKey: p.key,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(p.config.Stage == StageProd),
		RemovalPolicy:      p.removalPolicy(),
	}
	if table.Sort != (dynamo.Attribute{}) {
		props.SortKey = keyAttribute(table.Sort)
	}
	if table.Expiry != "" {
		props.TimeToLiveAttribute = jsii.String(table.Expiry)
	}
	if table.Stream {
		props.Stream = awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES
	}
	resource := awsdynamodb.NewTable(p.Stack, jsii.String(table.Name+"Table"), props)
	for _, index := range table.Indexes {
		projection := awsdynamodb.ProjectionType_ALL
		if index.KeysOnly {
			projection = awsdynamodb.ProjectionType_KEYS_ONLY
		}
		resource.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName:      jsii.String(index.Name),
			PartitionKey:   keyAttribute(index.Partition),
			SortKey:        keyAttribute(index.Sort),
			ProjectionType: projection,
		})
	}
	p.tables[table.Name] = resource
}

func keyAttribute(a dynamo.Attribute) *awsdynamodb.Attribute {
	attributeType := awsdynamodb.AttributeType_STRING
	if a.Type == dynamo.Number {
		attributeType = awsdynamodb.AttributeType_NUMBER
	}
	return &awsdynamodb.Attribute{Name: jsii.String(a.Name), Type: attributeType}
}

func (p *platform) addOutputs() {
	output := func(id string, value *string, description string) {
		awscdk.NewCfnOutput(p.Stack, jsii.String(id), &awscdk.CfnOutputProps{
			Value:       value,
			Description: jsii.String(description),
		})
	}
	debit := p.functions[httpapi.FunctionDebit]
	output("ApiUrl", p.api.AttrApiEndpoint(), "The address of the HTTP API")
	output("DebitFunctionName", debit.FunctionName(), "For direct invocation by agent runtimes")
	output("StripeKeysArn", p.stripeKeys.Ref(), "The secret to fill in with Stripe's keys")
	output("BusName", p.bus.EventBusName(), "The event bus that events are published on; add your own rules to it")
	output("SessionKeyArn", p.sessionKey.Ref(), "For make rotate-sessions")
	output("DebitFunctionArn", debit.FunctionArn(), "For the IAM policy of agent runtimes: allow lambda:InvokeFunction on it")
}

// newLogGroup adds a log group with a retention period. It is deleted with its
// stack, so that the same stack can be deployed again under the same names.
func (p *platform) newLogGroup(id, name string) awslogs.LogGroup {
	return awslogs.NewLogGroup(p.Stack, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String(name),
		Retention:     logRetention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

// errNoFunction reports that a route names a function that access.go does not list.
func errNoFunction(route httpapi.Route) error {
	return fmt.Errorf("route %s is served by function %q, which has no entry in functionSpecs", route.Key(), route.Function)
}

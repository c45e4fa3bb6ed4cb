package stack

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/boot"
	"drawdown/shared/dynamo"
)

// FunctionName returns the deployed name of the function in functions/<function>.
func FunctionName(function string) string { return "drawdown-" + function }

// newFunction adds a function with its log group and a role of its own, which holds
// the permissions of the spec and the right to write its log.
func (p *platform) newFunction(spec functionSpec) awslambda.Function {
	id := constructID(spec.name)
	logGroup := p.newLogGroup(id+"Log", "/aws/lambda/"+FunctionName(spec.name))
	architecture := awslambda.Architecture_ARM_64()
	if p.config.Arch == ArchX8664 {
		architecture = awslambda.Architecture_X86_64()
	}
	return awslambda.NewFunction(p.Stack, jsii.String(id+"Function"), &awslambda.FunctionProps{
		FunctionName:  jsii.String(FunctionName(spec.name)),
		Description:   jsii.String(spec.summary),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:  architecture,
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(jsii.String(filepath.Join(p.config.Assets, spec.name)), nil),
		MemorySize:    jsii.Number(spec.memoryMB),
		Timeout:       awscdk.Duration_Seconds(jsii.Number(spec.timeoutS)),
		LoggingFormat: awslambda.LoggingFormat_JSON,
		LogGroup:      logGroup,
		Role:          p.newRole(id+"Role", spec, logGroup),
		Environment:   p.environment(spec),
	})
}

// environment returns the function's environment: the deployed name of each table
// that it may access, and the settings of the deployment.
func (p *platform) environment(spec functionSpec) *map[string]*string {
	if spec.static {
		return nil
	}
	env := map[string]*string{
		boot.EnvOperatorKey: p.operatorKey.ValueAsString(),
		boot.EnvChannels:    jsii.String(p.config.Channels),
		boot.EnvMaxBackdate: jsii.String(strconv.Itoa(p.config.maxBackdateDays())),
	}
	for _, g := range spec.grants {
		env[g.table.EnvVar] = p.tables[g.table.Name].TableName()
	}
	if spec.sessions {
		env[boot.EnvSessionKey] = p.sessionKey.Ref()
	}
	if len(spec.failures) > 0 {
		env[boot.EnvFailures] = p.failures[spec.bucket].BucketName()
	}
	if spec.stripe {
		env[boot.EnvStripeKeys] = p.stripeKeys.Ref()
		env[boot.EnvStripeURL] = p.stripeURL.ValueAsString()
		env[boot.EnvDeployment] = p.deployment()
	}
	if spec.speaks {
		env[boot.EnvBus] = p.bus.EventBusName()
	}
	if spec.webhooks && p.config.Stage == StageDev {
		env[boot.EnvLocalHooks] = p.localHooks.ValueAsString()
	}
	return &env
}

// deployment distinguishes this stack from any other that uses the same Stripe
// account, including an earlier one of the same name: it is the last part of the
// stack's id, which CloudFormation generates for each stack.
func (p *platform) deployment() *string {
	return awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), p.StackId(), nil))
}

func (p *platform) newRole(id string, spec functionSpec, logGroup awslogs.LogGroup) awsiam.Role {
	role := awsiam.NewRole(p.Stack, jsii.String(id), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Execution role of " + FunctionName(spec.name)),
	})
	allow := func(resource *string, actions ...string) awsiam.PolicyStatement {
		statement := awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings(actions...),
			Resources: &[]*string{resource},
		})
		role.AddToPolicy(statement)
		return statement
	}
	allow(logGroup.LogGroupArn(), "logs:CreateLogStream", "logs:PutLogEvents")
	for _, g := range spec.grants {
		table := p.tables[g.table.Name].TableArn()
		actions := make([]string, len(g.actions))
		for i, a := range g.actions {
			actions[i] = string(a)
		}
		if len(actions) > 0 {
			statement := allow(table, actions...)
			if len(g.keys) > 0 {
				// Each of these actions is for one partition key, which must be one of these.
				statement.AddCondition(jsii.String(leadingKeys(g.keys)), map[string]any{"dynamodb:LeadingKeys": g.keys})
			}
		}
		for _, index := range g.indexes {
			allow(awscdk.Fn_Join(jsii.String(""), &[]*string{table, jsii.String("/index/" + index.Name)}), string(query))
		}
	}
	if spec.streamed {
		allow(p.tables[dynamo.WalletsTable.Name].TableStreamArn(),
			"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
	}
	if spec.sessions {
		allow(p.sessionKey.Ref(), "secretsmanager:GetSecretValue")
	}
	if spec.stripe {
		allow(p.stripeKeys.Ref(), "secretsmanager:GetSecretValue")
	}
	if spec.speaks {
		allow(p.bus.EventBusArn(), "events:PutEvents")
	}
	if spec.queued {
		allow(p.purchases.QueueArn(), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")
	}
	if spec.dead != "" {
		allow(p.dead[spec.dead].QueueArn(), "sqs:SendMessage")
	}
	for _, a := range spec.failures {
		resource := p.failures[spec.bucket].BucketArn()
		if a != listBucket {
			resource = p.failures[spec.bucket].ArnForObjects(jsii.String("*"))
		}
		allow(resource, string(a))
	}
	if !spec.static && len(spec.grants) > 0 {
		p.allowKey(role, spec)
	}
	return role
}

// leadingKeys returns the condition operator that compares partition keys with
// those of a grant.
func leadingKeys(keys []string) string {
	if strings.Contains(strings.Join(keys, ""), "*") {
		return "ForAllValues:StringLike"
	}
	return "ForAllValues:StringEquals"
}

// allowKey lets the role use the tables' key, through DynamoDB only: DynamoDB
// uses the key on behalf of its caller. Readers decrypt; writers also encrypt, which
// includes regenerating a table's data keys after a rotation. Grants on the key are
// created with the table, by the deployment.
func (p *platform) allowKey(role awsiam.Role, spec functionSpec) {
	actions := []string{"kms:Decrypt", "kms:DescribeKey"}
	if spec.writes() {
		actions = append(actions, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
	}
	viaDynamoDB := map[string]any{
		"kms:ViaService": awscdk.Fn_Sub(jsii.String("dynamodb.${AWS::Region}.amazonaws.com"), nil),
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings(actions...),
		Resources:  &[]*string{p.key.KeyArn()},
		Conditions: &map[string]any{"StringEquals": viaDynamoDB},
	}))
}

// constructID returns the construct id for a function's folder.
func constructID(function string) string {
	return string(function[0]-'a'+'A') + function[1:]
}

package stack

import (
	"path/filepath"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/boot"
	"drawdown/shared/dynamo"
)

// FunctionName is the deployed name of the function in the folder functions/<function>.
func FunctionName(function string) string { return "drawdown-" + function }

// newFunction makes a function with its log group and its role. The role is its
// own: it holds the permissions of the spec and the right to write its log.
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

// environment is what the function is told: the real name of each table that it
// may touch, and the settings of the deployment.
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
		env[boot.EnvFailures] = p.failures.BucketName()
	}
	return &env
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
			if g.key != "" {
				// PutItem and DeleteItem name one key each: this one.
				statement.AddCondition(jsii.String("ForAllValues:StringEquals"), map[string]any{"dynamodb:LeadingKeys": []string{g.key}})
			}
		}
		for _, index := range g.indexes {
			allow(awscdk.Fn_Join(jsii.String(""), &[]*string{table, jsii.String("/index/" + index.Name)}), string(query))
		}
	}
	if spec.streamed {
		allow(p.tables[dynamo.Wallets.Name].TableStreamArn(),
			"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
	}
	if spec.sessions {
		allow(p.sessionKey.Ref(), "secretsmanager:GetSecretValue")
	}
	for _, a := range spec.failures {
		resource := p.failures.BucketArn()
		if a != listBucket {
			resource = p.failures.ArnForObjects(jsii.String("*"))
		}
		allow(resource, string(a))
	}
	if !spec.static {
		p.allowKey(role, spec)
	}
	return role
}

// allowKey lets the role use the tables' key, through DynamoDB only: DynamoDB
// acts on the key in the name of whoever calls it. Readers decrypt; writers also
// encrypt, which includes making a table's data keys anew after a rotation.
// Grants on the key are made when a table is made, by whoever deploys.
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

// constructID turns the name of a function's folder into a construct id.
func constructID(function string) string {
	return string(function[0]-'a'+'A') + function[1:]
}

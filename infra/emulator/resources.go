package emulator

import (
	"crypto/sha256"
	"fmt"

	"drawdown/infra/emulator/template"
)

// kind is how the platform treats the resources of one type: it builds them, or says why they are inert.
type kind struct {
	inert   string
	service string // the part of an inert resource's ARN that names its service

	// A resource is built in up to three steps. Tables take long to come up, so that what can be found wrong without
	// them is found before; and what leads to a function is connected when all functions are there.
	prepare, run, connect step
	// ref is what Ref gives, and attribute what Fn::GetAtt gives.
	ref       func(*Platform, template.Resource) (any, error)
	attribute func(p *Platform, r template.Resource, name string) (any, error)
}

type step func(*Platform, template.Resource) error

// kinds are all the resource types that a template may have. It is filled by init, since what builds one resource
// looks up others.
var kinds map[string]kind

func init() {
	kinds = map[string]kind{
		"AWS::DynamoDB::Table":            {prepare: buildTable, ref: tableName, attribute: tableAttribute},
		"AWS::DynamoDB::GlobalTable":      {prepare: buildGlobalTable, ref: tableName, attribute: tableAttribute},
		"AWS::Lambda::Function":           {prepare: unpackFunction, run: startFunction, ref: functionName, attribute: functionAttribute},
		"AWS::S3::Bucket":                 {prepare: buildBucket, ref: bucketName, attribute: bucketAttribute},
		"AWS::Lambda::EventInvokeConfig":  {connect: configureInvoke, ref: logicalID},
		"AWS::Events::EventBus":           {prepare: buildBus, ref: busName, attribute: busAttribute},
		"AWS::SQS::Queue":                 {prepare: buildQueue, run: connectQueue, ref: queueURL, attribute: queueAttribute},
		"AWS::Lambda::EventSourceMapping": {connect: buildMapping, ref: mappingID, attribute: mappingAttribute},
		"AWS::SecretsManager::Secret":     {prepare: buildSecret, ref: secretRef, attribute: secretAttribute},
		"AWS::Events::Rule":               {connect: buildRule, ref: ruleName, attribute: ruleAttribute},
		"AWS::ApiGatewayV2::Api":          {prepare: buildAPI, ref: apiID, attribute: apiAttribute},
		"AWS::ApiGatewayV2::Integration":  {connect: checkIntegration, ref: logicalID},
		"AWS::ApiGatewayV2::Route":        {connect: buildRoute, ref: logicalID},
		"AWS::ApiGatewayV2::Stage":        {connect: buildStage, ref: stageName},

		"AWS::CDK::Metadata":                  {inert: "it tells AWS which constructs are in use", service: "cdk"},
		"AWS::CloudWatch::Alarm":              {inert: "there are no metrics to watch", service: "cloudwatch"},
		"AWS::CloudWatch::CompositeAlarm":     {inert: "there are no metrics to watch", service: "cloudwatch"},
		"AWS::CloudWatch::Dashboard":          {inert: "there are no metrics to show", service: "cloudwatch"},
		"AWS::IAM::ManagedPolicy":             {inert: "permissions are not checked", service: "iam"},
		"AWS::IAM::Policy":                    {inert: "permissions are not checked", service: "iam"},
		"AWS::IAM::Role":                      {inert: "permissions are not checked", service: "iam"},
		"AWS::KMS::Alias":                     {inert: "nothing is encrypted at rest", service: "kms"},
		"AWS::KMS::Key":                       {inert: "nothing is encrypted at rest", service: "kms"},
		"AWS::Lambda::Permission":             {inert: "permissions are not checked", service: "lambda"},
		"AWS::Logs::LogGroup":                 {inert: "logs go to the terminal", service: "logs"},
		"AWS::Logs::MetricFilter":             {inert: "there are no metrics to make", service: "logs"},
		"AWS::Logs::QueryDefinition":          {inert: "logs go to the terminal", service: "logs"},
		"AWS::SQS::QueuePolicy":               {inert: "permissions are not checked", service: "sqs"},
		"AWS::Events::EventBusPolicy":         {inert: "permissions are not checked", service: "events"},
		"AWS::S3::BucketPolicy":               {inert: "permissions are not checked", service: "s3"},
		"AWS::SecretsManager::ResourcePolicy": {inert: "permissions are not checked", service: "secretsmanager"},
		"AWS::Logs::ResourcePolicy":           {inert: "permissions are not checked", service: "logs"},
	}
}

// sortResources finds the types that cannot be run, all of them at once, and notes the inert resources.
func (p *Platform) sortResources() error {
	unknown := ""
	for _, r := range p.stack.Resources() {
		k, ok := kinds[r.Type]
		switch {
		case !ok:
			unknown += fmt.Sprintf("; %s", r)
		case k.inert != "":
			p.inertNotes = append(p.inertNotes, fmt.Sprintf("%s: %s", r, k.inert))
		}
	}
	if unknown != "" {
		return fmt.Errorf("the template has resources that cannot be run on one machine: %s", unknown[2:])
	}
	return nil
}

// build does one step for all resources.
func (p *Platform) build(of func(kind) step) error {
	for _, r := range p.stack.Resources() {
		if build := of(kinds[r.Type]); build != nil {
			if err := build(p, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// attribute answers Ref and Fn::GetAtt of a resource.
func (p *Platform) attribute(r template.Resource, name string) (any, error) {
	k := kinds[r.Type]
	var value any
	var err error
	switch {
	case k.inert != "" && name == "":
		value = p.physicalName(r)
	case k.inert != "" && name == "Arn":
		value = arn(k.service, r.LogicalID)
	case name == "" && k.ref != nil:
		value, err = k.ref(p, r)
	case name != "" && k.attribute != nil:
		value, err = k.attribute(p, r, name)
	default:
		err = unknownAttribute(r, name)
	}
	return value, err
}

func unknownAttribute(r template.Resource, name string) error {
	return fmt.Errorf("%s: the attribute %q is not known", r, name)
}

// physicalName is the name of a resource that is given none.
func (p *Platform) physicalName(r template.Resource) string {
	return p.stack.StackName + "-" + r.LogicalID
}

// named is the name that a resource is given by its property, or else its physical name.
func (p *Platform) named(r template.Resource, property string) (string, error) {
	value, ok := r.Properties[property]
	if !ok {
		return p.physicalName(r), nil
	}
	name, err := p.stack.EvaluateString(value)
	if err != nil {
		return "", r.Errorf(property, "%w", err)
	}
	return name, nil
}

func arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", template.Partition, service, template.Region, template.AccountID, resource)
}

// shortID is an id as services make them up, the same for a resource in every run.
func shortID(r template.Resource) string { return digest(r)[:10] }

func digest(r template.Resource) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(r.LogicalID))) }

func logicalID(_ *Platform, r template.Resource) (any, error) { return r.LogicalID, nil }

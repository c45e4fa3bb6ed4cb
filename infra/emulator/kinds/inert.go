package kinds

import "drawdown/infra/emulator/template"

// inertTypes are the resource types that have no effect on one machine, each with the reason and the part of an ARN
// that names its service.
var inertTypes = map[string]struct{ reason, service string }{
	"AWS::CDK::Metadata":                  {"it tells AWS which constructs are in use", "cdk"},
	"AWS::CloudWatch::Alarm":              {"there are no metrics to watch", "cloudwatch"},
	"AWS::CloudWatch::CompositeAlarm":     {"there are no metrics to watch", "cloudwatch"},
	"AWS::CloudWatch::Dashboard":          {"there are no metrics to show", "cloudwatch"},
	"AWS::Events::EventBusPolicy":         {"permissions are not checked", "events"},
	"AWS::IAM::ManagedPolicy":             {"permissions are not checked", "iam"},
	"AWS::IAM::Policy":                    {"permissions are not checked", "iam"},
	"AWS::IAM::Role":                      {"permissions are not checked", "iam"},
	"AWS::KMS::Alias":                     {"nothing is encrypted at rest", "kms"},
	"AWS::KMS::Key":                       {"nothing is encrypted at rest", "kms"},
	"AWS::Lambda::Permission":             {"permissions are not checked", "lambda"},
	"AWS::Logs::LogGroup":                 {"logs go to the terminal", "logs"},
	"AWS::Logs::MetricFilter":             {"there are no metrics to make", "logs"},
	"AWS::Logs::QueryDefinition":          {"logs go to the terminal", "logs"},
	"AWS::Logs::ResourcePolicy":           {"permissions are not checked", "logs"},
	"AWS::S3::BucketPolicy":               {"permissions are not checked", "s3"},
	"AWS::SecretsManager::ResourcePolicy": {"permissions are not checked", "secretsmanager"},
	"AWS::SQS::QueuePolicy":               {"permissions are not checked", "sqs"},
}

// inert is the kind of resources that do nothing here.
type inert struct {
	plain
	host *Host
}

func (k *inert) Ref(r template.Resource) (string, error) { return k.host.physicalName(r), nil }

func (*inert) Attribute(r template.Resource, name string) (string, error) {
	if name != "Arn" {
		return "", unknownAttribute(r, name)
	}
	return arn(inertTypes[r.Type].service, r.LogicalID), nil
}

package emulator

import (
	"strings"

	"drawdown/infra/emulator/template"
)

// What has no bearing on a bucket in memory: who may use it, how it is encrypted, how long its objects and their
// versions are kept, and how it is labelled.
var inertOfBuckets = []string{
	"AbacStatus", "BucketEncryption", "IntelligentTieringConfigurations", "LifecycleConfiguration", "LoggingConfiguration",
	"OwnershipControls", "PublicAccessBlockConfiguration", "Tags", "VersioningConfiguration",
}

type bucketProperties struct {
	BucketName string
}

func buildBucket(p *Platform, r template.Resource) error {
	var properties bucketProperties
	if err := p.stack.Decode(r, inertOfBuckets, &properties); err != nil {
		return err
	}
	name, err := p.bucketNameOf(r)
	if err != nil {
		return err
	}
	if !p.objects.Create(name) {
		return r.Errorf("BucketName", "another bucket is named %q", name)
	}
	p.buckets[r.LogicalID] = name
	return nil
}

// bucketNameOf is the name of a bucket. Buckets, unlike most resources, have names in lower case.
func (p *Platform) bucketNameOf(r template.Resource) (string, error) {
	name, err := p.named(r, "BucketName")
	if r.Properties["BucketName"] == nil {
		name = strings.ToLower(name)
	}
	return name, err
}

// BucketName is the physical name of the bucket with this logical id or construct name, or empty if there is none.
func (p *Platform) BucketName(logical string) string {
	for id, name := range p.buckets {
		if isConstruct(id, logical) {
			return name
		}
	}
	return ""
}

func bucketARN(name string) string { return "arn:" + template.Partition + ":s3:::" + name }

func bucketName(p *Platform, r template.Resource) (any, error) { return p.bucketNameOf(r) }

func bucketAttribute(p *Platform, r template.Resource, attribute string) (any, error) {
	name, err := p.bucketNameOf(r)
	if err != nil {
		return nil, err
	}
	if attribute != "Arn" {
		return nil, unknownAttribute(r, attribute)
	}
	return bucketARN(name), nil
}

package kinds

import (
	"fmt"
	"strings"

	"drawdown/infra/emulator/objects"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a bucket in memory: who may use it, how it is encrypted, how long its objects and their
// versions are kept, and how it is labelled.
var inertOfBuckets = []string{
	"AbacStatus", "BucketEncryption", "IntelligentTieringConfigurations", "LifecycleConfiguration", "LoggingConfiguration",
	"OwnershipControls", "PublicAccessBlockConfiguration", "Tags", "VersioningConfiguration",
}

// Buckets are the buckets of S3.
type Buckets struct {
	*objects.Store
	plain
	host *Host
}

// Prepare implements Kind.
func (k *Buckets) Prepare(r template.Resource) error {
	var properties struct{ BucketName string }
	if err := k.host.Decode(r, inertOfBuckets, &properties); err != nil {
		return err
	}
	name, err := k.Ref(r)
	if err != nil {
		return err
	}
	if !k.Create(name) {
		return r.Errorf("BucketName", "another bucket is named %q", name)
	}
	return nil
}

// withARN returns the name of the template's bucket with this ARN.
func (k *Buckets) withARN(arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, bucketARN(""))
	if !ok {
		return "", fmt.Errorf("a bucket is expected, not %q", arn)
	}
	if !k.Has(name) {
		return "", fmt.Errorf("%q is no bucket of the template", name)
	}
	return name, nil
}

// Ref implements Kind. Buckets, unlike most resources, have names in lower case.
func (k *Buckets) Ref(r template.Resource) (string, error) {
	name, err := k.host.name(r, "BucketName")
	if r.Properties["BucketName"] == nil {
		name = strings.ToLower(name)
	}
	return name, err
}

func bucketARN(name string) string { return "arn:" + template.Partition + ":s3:::" + name }

// Attribute implements Kind.
func (k *Buckets) Attribute(r template.Resource, name string) (string, error) {
	if name != "Arn" {
		return "", unknownAttribute(r, name)
	}
	bucket, err := k.Ref(r)
	return bucketARN(bucket), err
}

// Package failures is the bucket of calls that must be made again. Lambda
// stores there the batches that a stream mapping has given up on, one object
// each, with the whole batch in it; the audit adds requests for accounts that
// lag. It is the only importer of S3's SDK.
package failures

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"drawdown/shared/telemetry"
)

// maxObject bounds what is read of one object: a batch is at most 6 MB, and is
// quoted inside its object.
const maxObject = 32 << 20

// reserve is the time that one more call must have.
const reserve = 10 * time.Second

// Bucket is the bucket of failed batches.
type Bucket struct {
	client *s3.Client
	name   string
}

// Open is the bucket of that name; an empty endpoint means AWS's own.
func Open(config aws.Config, endpoint, name string) *Bucket {
	return &Bucket{name: name, client: s3.NewFromConfig(config, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = &endpoint, true
		}
	})}
}

// Sweep repeats every call, counts it, and returns the answer of a function
// that was invoked to sweep.
func (b *Bucket) Sweep(ctx context.Context, again func(ctx context.Context, batch []byte) error) ([]byte, error) {
	swept, err := b.Each(ctx, again)
	telemetry.Add(ctx, telemetry.Count(telemetry.Swept, swept))
	if err != nil {
		telemetry.Add(ctx, telemetry.Count(telemetry.SweepFailed, 1))
		return nil, err
	}
	return json.Marshal(map[string]int{"swept": swept})
}

// Each calls visit with every call that must be repeated, and removes those for
// which it succeeds. What fails again stays; Each continues with the next and
// returns how many were removed, and the first failure. It takes them in random
// order and stops before the context's deadline, so that none waits forever
// behind some that keep failing.
func (b *Bucket) Each(ctx context.Context, visit func(ctx context.Context, batch []byte) error) (int, error) {
	removed := 0
	var first error
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return removed, fmt.Errorf("failures: listing %s: %w", b.name, err)
		}
		rand.Shuffle(len(page.Contents), func(i, j int) {
			page.Contents[i], page.Contents[j] = page.Contents[j], page.Contents[i]
		})
		for _, object := range page.Contents {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
				return removed, first
			}
			if err := b.one(ctx, aws.ToString(object.Key), visit); err != nil {
				if first == nil {
					first = err
				}
				continue
			}
			removed++
		}
	}
	return removed, first
}

func (b *Bucket) one(ctx context.Context, key string, visit func(context.Context, []byte) error) error {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return fmt.Errorf("failures: reading %s: %w", key, err)
	}
	defer func() { _ = out.Body.Close() }() // read to its end or not, nothing is lost
	text, err := io.ReadAll(io.LimitReader(out.Body, maxObject))
	if err != nil {
		return fmt.Errorf("failures: reading %s: %w", key, err)
	}
	batch, err := batchOf(text)
	if err != nil {
		return fmt.Errorf("failures: %s: %w", key, err)
	}
	if err := visit(ctx, batch); err != nil {
		return fmt.Errorf("failures: %s: %w", key, err)
	}
	if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
		return fmt.Errorf("failures: removing %s: %w", key, err)
	}
	return nil
}

// Ask stores a call in the bucket, to be made by the next sweep.
func (b *Bucket) Ask(ctx context.Context, name string, call []byte) error {
	object, err := json.Marshal(map[string]jsontext.Value{"payload": call})
	if err != nil {
		return fmt.Errorf("failures: requesting %s: %w", name, err)
	}
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: aws.String("asked/" + name), Body: bytes.NewReader(object),
	})
	if err != nil {
		return fmt.Errorf("failures: requesting %s: %w", name, err)
	}
	return nil
}

// AskCatchUp stores a request to catch up an account's usage, for the next sweep
// of the roll-up.
func (b *Bucket) AskCatchUp(ctx context.Context, account string) error {
	call, err := json.Marshal(map[string]string{"catch_up": account})
	if err != nil {
		return fmt.Errorf("failures: requesting %s: %w", account, err)
	}
	return b.Ask(ctx, account, call)
}

// batchOf is the batch within Lambda's record of a failure: the member
// "payload", which is the batch's JSON as a string.
func batchOf(object []byte) ([]byte, error) {
	var record struct {
		Payload jsontext.Value `json:"payload"`
	}
	if err := json.Unmarshal(object, &record); err != nil {
		return nil, fmt.Errorf("not a failure record: %w", err)
	}
	if record.Payload.Kind() != '"' {
		return record.Payload, nil
	}
	var text string
	err := json.Unmarshal(record.Payload, &text)
	return []byte(text), err
}

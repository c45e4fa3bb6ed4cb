package stream

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// TestShardsWaitForTheirParents is about streams of several shards, of which DynamoDB Local has none.
func TestShardsWaitForTheirParents(t *testing.T) {
	shard := func(id, parent string, closed bool) types.Shard {
		s := types.Shard{ShardId: aws.String(id), SequenceNumberRange: &types.SequenceNumberRange{}}
		if parent != "" {
			s.ParentShardId = aws.String(parent)
		}
		if closed {
			s.SequenceNumberRange.EndingSequenceNumber = aws.String("9")
		}
		return s
	}
	family := []types.Shard{
		shard("child", "parent", false), shard("parent", "trimmed", true), shard("other", "", false), shard("sister", "parent", false),
	}
	m := &Mapping{}
	for position, steps := range map[types.ShardIteratorType][]struct {
		done string
		want []string
	}{
		types.ShardIteratorTypeTrimHorizon: {{"", []string{"parent", "other"}}, {"other", nil}, {"parent", []string{"child", "sister"}}, {"child", nil}},
		types.ShardIteratorTypeLatest:      {{"", []string{"child", "other", "sister"}}, {"other", nil}},
	} {
		known, done := map[string]bool{}, map[string]bool{}
		for n, step := range steps {
			if step.done != "" {
				done[step.done] = true
			}
			if got := m.startable(family, known, done, position); !slices.Equal(got, step.want) {
				t.Errorf("%s, step %d: %v start, want %v", position, n, got, step.want)
			}
		}
	}
}

package capacity

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/dynamo"
)

// ofSize is an item of this many bytes.
func ofSize(size int) Item { return Item{"a": &str{Value: strings.Repeat("x", size-1)}} }

func TestReadsPayForBlocksOf4KB(t *testing.T) {
	for _, c := range []struct {
		size       int
		consistent bool
		want       float64
	}{
		{0, true, 1}, {0, false, 0.5}, // what is not there is paid for
		{4096, true, 1}, {4097, true, 2}, {4097, false, 1}, {8193, true, 3}, {8193, false, 1.5},
	} {
		if got := readUnits(c.size, c.consistent); got != c.want {
			t.Errorf("%d bytes, consistent %v: %v, want %v", c.size, c.consistent, got, c.want)
		}
	}
}

func TestWritesPayForTheLargerImage(t *testing.T) {
	for name, c := range map[string]struct {
		before, after Item
		transactional bool
		want          float64
	}{
		"a new item of 1 KB":            {nil, ofSize(1024), false, 1},
		"and a byte":                    {nil, ofSize(1025), false, 2},
		"in a transaction it is double": {nil, ofSize(1025), true, 4},
		"a smaller item than before":    {ofSize(3000), ofSize(10), true, 6},
		"a larger item than before":     {ofSize(10), ofSize(3000), true, 6},
		"a delete":                      {ofSize(1025), nil, false, 2},
		"nothing there, nothing left":   {nil, nil, true, 2},
	} {
		if got := writeUnits(c.before, c.after, c.transactional); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

var (
	ledgerTable = dynamo.Table{
		Name: "Ledger", Partition: dynamo.Attribute{Name: "pk", Type: "S"}, Sort: dynamo.Attribute{Name: "sk", Type: "S"},
		Indexes: []dynamo.Index{bySeq},
	}
	bySeq    = dynamo.Index{Partition: dynamo.Attribute{Name: "w", Type: "S"}, Sort: dynamo.Attribute{Name: "n", Type: "N"}}
	keysOnly = dynamo.Index{Partition: bySeq.Partition, Sort: bySeq.Sort, KeysOnly: true}
)

func entryOf(n string, size int) Item {
	item := Item{"pk": &str{Value: "p"}, "sk": &str{Value: "E"}, "w": &str{Value: "w"}, "n": &num{Value: n}}
	item["x"] = &str{Value: strings.Repeat("x", size-Size(item)-1)}
	return item
}

func TestIndexesPayForWhatChangesInThem(t *testing.T) {
	for name, c := range map[string]struct {
		before, after Item
		index         dynamo.Index
		want          float64
	}{
		"a new entry":                        {nil, entryOf("1", 1024), bySeq, 1},
		"a larger one":                       {nil, entryOf("1", 1025), bySeq, 2},
		"only its keys are in the index":     {nil, entryOf("1", 1025), keysOnly, 1},
		"it lacks the keys":                  {nil, ofSize(2000), bySeq, 0},
		"it has one key of two":              {nil, Item{"w": &str{Value: "w"}}, bySeq, 0},
		"nothing has changed":                {entryOf("1", 100), entryOf("1", 100), bySeq, 0},
		"what changed is not in the index":   {entryOf("1", 100), entryOf("1", 200), keysOnly, 0},
		"what changed is in the index":       {entryOf("1", 100), entryOf("1", 1100), bySeq, 2},
		"it has moved: one out and one in":   {entryOf("1", 100), entryOf("2", 1100), bySeq, 3},
		"it has gone":                        {entryOf("1", 100), nil, bySeq, 1},
		"it was not there and still is none": {nil, nil, bySeq, 0},
	} {
		if got := indexUnits(c.before, c.after, projection{ledgerTable, c.index}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestABatchPaysForEachItem(t *testing.T) {
	keys := func(n int) types.KeysAndAttributes {
		return types.KeysAndAttributes{Keys: make([]Item, n), ConsistentRead: aws.Bool(true)}
	}
	in := &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"wallets": keys(1), "ledger": keys(4)}}
	out := &dynamodb.BatchGetItemOutput{
		Responses:       map[string][]Item{"wallets": {ofSize(5000)}, "ledger": {ofSize(100)}},
		UnprocessedKeys: map[string]types.KeysAndAttributes{"ledger": keys(1)},
	}
	// 2 for the wallet, 1 for the entry, 1 each for two that are missing, none for the one left.
	if got, err := readsOf(in, out); err != nil || got != 5 {
		t.Errorf("%v (%v), want 5", got, err)
	}
}

func TestAQueryPaysForItsItemsTogether(t *testing.T) {
	out := &dynamodb.QueryOutput{Items: []Item{ofSize(3000), ofSize(3000), ofSize(3000)}}
	if got, err := readsOf(&dynamodb.QueryInput{}, out); err != nil || got != 1.5 {
		t.Errorf("%v (%v), want 1.5", got, err)
	}
	if got, err := readsOf(&dynamodb.QueryInput{ConsistentRead: aws.Bool(true)}, out); err != nil || got != 3 {
		t.Errorf("%v (%v), want 3", got, err)
	}
}

func TestWhatCannotBeCountedIsAnError(t *testing.T) {
	for _, in := range []any{
		&dynamodb.ScanInput{},
		&dynamodb.QueryInput{FilterExpression: aws.String("a = :a")},
		&dynamodb.GetItemInput{ProjectionExpression: aws.String("a")},
	} {
		if _, err := readsOf(in, nil); err == nil {
			t.Errorf("%T is counted", in)
		}
	}
}

func TestDepthCountsWhatWentAtTheSameTimeOnce(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for name, c := range map[string]struct {
		intervals []interval
		want      int
	}{
		"none":                            {nil, 0},
		"one":                             {[]interval{{at(0), at(5)}}, 1},
		"one after another":               {[]interval{{at(0), at(5)}, {at(5), at(9)}}, 2},
		"at the same time":                {[]interval{{at(0), at(5)}, {at(1), at(9)}}, 1},
		"a long one beside two short":     {[]interval{{at(0), at(9)}, {at(1), at(3)}, {at(4), at(6)}}, 2},
		"two at the same time, then one":  {[]interval{{at(0), at(3)}, {at(0), at(4)}, {at(5), at(6)}}, 2},
		"told in the order of their ends": {[]interval{{at(5), at(6)}, {at(0), at(4)}, {at(0), at(3)}}, 2},
	} {
		if got := depth(c.intervals); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

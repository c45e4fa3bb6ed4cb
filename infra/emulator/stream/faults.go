package stream

import (
	"math/rand/v2"
	"sync/atomic"

	"drawdown/infra/emulator/faults"
)

// Faults are what a test can make go wrong with the deliveries of all mappings, at any time. The zero value does
// nothing.
type Faults struct {
	faults.Gate
	// Duplicate makes every batch be delivered twice. The second answer counts, if the first one reports no failure.
	Duplicate atomic.Bool
	// Shuffle randomizes the order of a batch's records, except that those of one item keep theirs.
	Shuffle atomic.Bool
	// DropAnswers is how many successful answers get lost from now on: those batches count as failed.
	DropAnswers atomic.Int64
	// DropBatches is how many batches get lost from now on: they count as delivered.
	DropBatches atomic.Int64
}

// order is the order in which the records of a batch are delivered.
func (f *Faults) order(records []record) []record {
	if !f.Shuffle.Load() {
		return records
	}
	// Places are drawn for the keys; the records of one key then fill its places in their own order.
	ofKey := map[string][]record{}
	keys := make([]string, 0, len(records))
	for _, r := range records {
		ofKey[r.key] = append(ofKey[r.key], r)
		keys = append(keys, r.key)
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	shuffled := make([]record, 0, len(records))
	for _, key := range keys {
		shuffled = append(shuffled, ofKey[key][0])
		ofKey[key] = ofKey[key][1:]
	}
	return shuffled
}

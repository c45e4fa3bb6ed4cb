package dynamo

import (
	"strconv"
	"strings"

	"drawdown/shared/rollup"
)

// StreamRecord is what a ring needs of a record of a DynamoDB stream: whose it
// is and in what order. Attributes are in DynamoDB's JSON.
type StreamRecord struct {
	Change StreamChange `json:"dynamodb"`
}

// StreamChange is what changed.
type StreamChange struct {
	SequenceNumber string                 `json:"SequenceNumber"`
	Keys           map[string]StreamValue `json:"Keys"`
	NewImage       map[string]StreamValue `json:"NewImage"`
}

// StreamValue is a string or a number in DynamoDB's JSON; other types are not read.
type StreamValue struct {
	S string `json:"S"`
	N string `json:"N"`
}

// Rings are the accounts that a batch of the wallets' stream names, in the
// order of their first records. Nothing else is taken from a record.
func Rings(records []StreamRecord) []rollup.Ring {
	var rings []rollup.Ring
	places := map[string]int{}
	for _, record := range records {
		account, found := strings.CutPrefix(record.Change.Keys[attrPK].S, "A#")
		seq, err := strconv.ParseInt(record.Change.NewImage[attrSeq].N, 10, 64)
		if !found || err != nil {
			continue // a wallet was removed by hand: there is nothing to fold
		}
		account = strings.TrimSuffix(account, stripe)
		place, known := places[account]
		if !known {
			places[account] = len(rings)
			rings = append(rings, rollup.Ring{Account: account, Seq: seq, Record: record.Change.SequenceNumber})
			continue
		}
		rings[place].Seq = max(rings[place].Seq, seq)
	}
	return rings
}

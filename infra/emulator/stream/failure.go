package stream

import (
	"encoding/json"
	"fmt"
	"time"

	"drawdown/infra/emulator/function"
)

// Why the mapping has given up on records, in Lambda's terms.
const (
	retryAttemptsExhausted = "RetryAttemptsExhausted"
	recordAgeExceeded      = "RecordAgeExceeded"
)

// failure is the record of a failed batch, in the form that Lambda writes to a bucket.
type failure struct {
	Request   requestContext   `json:"requestContext"`
	Response  *responseContext `json:"responseContext,omitempty"` // missing if the function has never been invoked
	Version   string           `json:"version"`
	Timestamp string           `json:"timestamp"`
	Batch     batchInfo        `json:"DDBStreamBatchInfo"`
	Payload   string           `json:"payload"` // the event, as JSON within JSON
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	InvokeCount int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"` // missing if the function answered which records failed
}

type batchInfo struct {
	ShardID      string `json:"shardId"`
	Start        string `json:"startSequenceNumber"`
	End          string `json:"endSequenceNumber"`
	FirstArrival string `json:"approximateArrivalOfFirstRecord"`
	LastArrival  string `json:"approximateArrivalOfLastRecord"`
	Size         int    `json:"batchSize"`
	StreamARN    string `json:"streamArn"`
}

// giveUp abandons a segment: its records are kept as an object if the mapping has a destination for them.
func (m *Mapping) giveUp(shard, condition string, s segment) {
	now := time.Now().UTC()
	note := fmt.Sprintf("%d records of %s are given up after %d deliveries to %s (%s)",
		len(s.records), m.config.StreamARN, s.invoked, m.config.FunctionARN, condition)
	if m.config.Discard == nil {
		m.config.Log(note + " and lost")
		return
	}
	first, last := s.records[0], s.records[len(s.records)-1]
	f := failure{
		Request:   requestContext{s.last.RequestID, m.config.FunctionARN, condition, s.invoked},
		Version:   "1.0",
		Timestamp: now.Format("2006-01-02T15:04:05.000Z"),
		Batch: batchInfo{
			ShardID: shard, Start: first.sequence, End: last.sequence,
			FirstArrival: first.created.UTC().Format(time.RFC3339), LastArrival: last.created.UTC().Format(time.RFC3339),
			Size: len(s.records), StreamARN: m.config.StreamARN,
		},
		Payload: string(payload(s.records)),
	}
	if f.Request.RequestID == "" {
		f.Request.RequestID = function.NewRequestID()
	}
	if s.invoked > 0 {
		f.Response = &responseContext{200, function.Version, s.last.FunctionError}
	}
	object, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	key := fmt.Sprintf("aws/lambda/%s/%s/%s/%s-%s", m.config.ID, shard, now.Format("2006/01/02"),
		now.Format("2006-01-02T15.04.05"), function.NewRequestID())
	m.config.Discard(key, object)
	m.config.Log(note + " and kept as " + key)
}

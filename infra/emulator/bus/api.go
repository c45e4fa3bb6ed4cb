package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/faults"
	"drawdown/infra/emulator/template"
)

// EventBridge's limits for one request.
const (
	entriesLimit = 10
	sizeLimit    = 256 << 10 // of an entry, and of all entries together
	// timeSize is what the time of an entry counts for its size.
	timeSize = 14
)

// Service is the API of the store.
func (s *Store) Service() awsjson.Service {
	return awsjson.Service{Target: "AWSEvents", Version: "1.1", Operations: map[string]awsjson.Operation{
		"PutEvents": awsjson.Operate(s.putEvents),
	}}
}

type putRequest struct {
	Entries []entry
}

type entry struct {
	Detail       string
	DetailType   string
	EventBusName string
	Resources    []string
	Source       string
	Time         *float64
	TraceHeader  string // it has no effect on an event
}

type putAnswer struct {
	FailedEntryCount int
	Entries          []putEntry
}

type putEntry struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

func (s *Store) putEvents(_ context.Context, in putRequest) (putAnswer, error) {
	if faults.Take(&s.faults.RefuseRequests) {
		return putAnswer{}, awsjson.Fail("ThrottlingException", "Rate exceeded")
	}
	size := 0
	for _, e := range in.Entries {
		size += e.size()
	}
	switch {
	case len(in.Entries) < 1 || len(in.Entries) > entriesLimit:
		return putAnswer{}, awsjson.Fail("ValidationException", "1 validation error detected: Value at 'entries' failed to satisfy "+
			"constraint: Member must have length between 1 and %d", entriesLimit)
	case size > sizeLimit:
		return putAnswer{}, awsjson.Fail("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	var out putAnswer
	for _, e := range in.Entries {
		one := e.check()
		if one.ErrorCode == "" && faults.Take(&s.faults.FailEntries) {
			one = putEntry{ErrorCode: "InternalFailure", ErrorMessage: "Unexpected Error"}
		}
		if one.ErrorCode == "" {
			one.EventID = s.Put(e.event())
		} else {
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, one)
	}
	return out, nil
}

// size is what EventBridge counts as the size of an entry.
func (e entry) size() int {
	size := len(e.Source) + len(e.DetailType) + len(e.Detail)
	for _, r := range e.Resources {
		size += len(r)
	}
	if e.Time != nil {
		size += timeSize
	}
	return size
}

// check returns why an entry fails by itself.
func (e entry) check() putEntry {
	for _, c := range []struct{ name, value string }{{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail}} {
		if c.value == "" {
			return putEntry{
				ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + c.name + " is not valid. Reason: " + c.name + " is a required argument.",
			}
		}
	}
	if detail := bytes.TrimSpace([]byte(e.Detail)); !json.Valid(detail) || detail[0] != '{' {
		return putEntry{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	if strings.HasPrefix(e.Source, "aws.") {
		return putEntry{ErrorCode: "NotAuthorizedForSource", ErrorMessage: "Not authorized for the source."}
	}
	return putEntry{}
}

func (e entry) event() Event {
	event := Event{
		Bus: busName(e.EventBusName), Source: e.Source, DetailType: e.DetailType, Detail: json.RawMessage(e.Detail),
		Resources: e.Resources, Time: time.Now(),
	}
	if e.Time != nil {
		seconds, fraction := math.Modf(*e.Time)
		event.Time = time.Unix(int64(seconds), int64(fraction*float64(time.Second)))
	}
	return event
}

// busName returns the name of a bus given by its name, its ARN or not at all.
func busName(given string) string {
	if name, ok := strings.CutPrefix(given, ARN("")); ok {
		return name
	}
	if given == "" {
		return Default
	}
	return given
}

// ARN returns the ARN of the bus with this name.
func ARN(name string) string {
	return strings.Join([]string{"arn", template.Partition, "events", template.Region, template.AccountID, "event-bus/" + name}, ":")
}

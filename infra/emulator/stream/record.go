package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"drawdown/infra/emulator/template"
)

// record is a record of the stream on its way to the function.
type record struct {
	json     []byte // as functions get it
	key      string // of the item: records of the same one stay in order
	sequence string
	read     time.Time
	created  time.Time // to the second
}

// event is a record in the shape of Lambda's event.
type event struct {
	EventID      string        `json:"eventID"`
	EventName    string        `json:"eventName"`
	EventVersion string        `json:"eventVersion"`
	EventSource  string        `json:"eventSource"`
	Region       string        `json:"awsRegion"`
	Change       change        `json:"dynamodb"`
	Identity     *userIdentity `json:"userIdentity,omitempty"`
	SourceARN    string        `json:"eventSourceARN"`
}

type change struct {
	Created        int64          `json:"ApproximateCreationDateTime"`
	Keys           map[string]any `json:"Keys"`
	NewImage       map[string]any `json:"NewImage,omitempty"`
	OldImage       map[string]any `json:"OldImage,omitempty"`
	SequenceNumber string         `json:"SequenceNumber"`
	SizeBytes      int64          `json:"SizeBytes"`
	StreamViewType string         `json:"StreamViewType"`
}

type userIdentity struct {
	PrincipalID string `json:"principalId"`
	Type        string `json:"type"`
}

func newRecord(from *types.Record, streamARN string, now time.Time) (record, error) {
	if from.Dynamodb == nil {
		return record{}, fmt.Errorf("the record %s contains no change", aws.ToString(from.EventID))
	}
	created := creation(aws.ToTime(from.Dynamodb.ApproximateCreationDateTime), now)
	e := event{
		EventID:      aws.ToString(from.EventID),
		EventName:    string(from.EventName),
		EventVersion: aws.ToString(from.EventVersion),
		EventSource:  "aws:dynamodb",
		Region:       template.Region,
		SourceARN:    streamARN,
		Change: change{
			Created:        created.Unix(),
			SequenceNumber: aws.ToString(from.Dynamodb.SequenceNumber),
			SizeBytes:      aws.ToInt64(from.Dynamodb.SizeBytes),
			StreamViewType: string(from.Dynamodb.StreamViewType),
		},
	}
	if from.UserIdentity != nil {
		e.Identity = &userIdentity{aws.ToString(from.UserIdentity.PrincipalId), aws.ToString(from.UserIdentity.Type)}
	}
	for _, image := range []struct {
		from map[string]types.AttributeValue
		to   *map[string]any
	}{{from.Dynamodb.Keys, &e.Change.Keys}, {from.Dynamodb.NewImage, &e.Change.NewImage}, {from.Dynamodb.OldImage, &e.Change.OldImage}} {
		var err error
		if *image.to, err = attributes(image.from); err != nil {
			return record{}, err
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		return record{}, err
	}
	key, err := json.Marshal(e.Change.Keys) // its members are sorted, so that it is the same for the same item
	return record{json: data, key: string(key), sequence: e.Change.SequenceNumber, read: now, created: created}, err
}

// creation returns the time of a record to the second. DynamoDB Local reports only the minute; if the time of the read
// may be in that minute, it is the better estimate.
func creation(said, read time.Time) time.Time {
	if read.Sub(said) < time.Minute+time.Second {
		return read.Truncate(time.Second)
	}
	return said
}

// attributes returns an item in DynamoDB's JSON; nil if there is none.
func attributes(item map[string]types.AttributeValue) (map[string]any, error) {
	if item == nil {
		return nil, nil
	}
	out := make(map[string]any, len(item))
	for name, value := range item {
		v, err := attribute(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

func attribute(value types.AttributeValue) (map[string]any, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}, nil
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}, nil
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}, nil
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}, nil
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}, nil
	case *types.AttributeValueMemberM:
		members, err := attributes(v.Value)
		return map[string]any{"M": members}, err
	case *types.AttributeValueMemberL:
		list := make([]any, 0, len(v.Value))
		for _, element := range v.Value {
			e, err := attribute(element)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		return map[string]any{"L": list}, nil
	default:
		return nil, fmt.Errorf("an attribute of the type %T is not known", value)
	}
}

// payload returns the event with these records.
func payload(records []record) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, r := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(r.json)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

package dynamo_test

import (
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"drawdown/shared/dynamo"
	"drawdown/shared/rollup"
)

// batch is a batch of the wallets' stream as Lambda hands it over.
const batch = `{"Records":[
 {"eventID":"e1","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-central-1",
  "dynamodb":{"ApproximateCreationDateTime":1795426200,"Keys":{"pk":{"S":"A#acme#00"}},
   "NewImage":{"pk":{"S":"A#acme#00"},"n":{"N":"1"},"z":{"S":"UTC"},"g":{"L":[{"M":{"i":{"S":"g1"},"r":{"N":"5"}}}]},"x":{"NULL":true},"b":{"BOOL":true}},
   "SequenceNumber":"4421584500000000017450439091","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},
  "eventSourceARN":"arn:aws:dynamodb:eu-central-1:111122223333:table/Wallets/stream/2026-11-23T00:00:00.000"},
 {"eventID":"e2","eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"A#a.b:c#00"}},
   "NewImage":{"pk":{"S":"A#a.b:c#00"},"n":{"N":"7"}},"OldImage":{"n":{"N":"6"}},"SequenceNumber":"4421584500000000017450439092"}},
 {"eventID":"e3","eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"A#acme#00"}},
   "NewImage":{"n":{"N":"4"}},"OldImage":{"n":{"N":"1"}},"SequenceNumber":"4421584500000000017450439093"}},
 {"eventID":"e4","eventName":"REMOVE","dynamodb":{"Keys":{"pk":{"S":"A#gone#00"}},
   "OldImage":{"n":{"N":"9"}},"SequenceNumber":"4421584500000000017450439094"}},
 {"eventID":"e5","eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"A#acme#00"}},
   "NewImage":{"n":{"N":"3"}},"SequenceNumber":"4421584500000000017450439095"}},
 {"eventID":"e6","eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"something else"}},
   "NewImage":{"n":{"N":"3"}},"SequenceNumber":"4421584500000000017450439096"}}
]}`

func TestRingsOfABatch(t *testing.T) {
	var event struct {
		Records []dynamo.StreamRecord `json:"Records"`
	}
	if err := json.Unmarshal([]byte(batch), &event); err != nil {
		t.Fatal(err)
	}
	want := []rollup.Ring{
		{Account: "acme", Seq: 4, Record: "4421584500000000017450439091"},
		{Account: "a.b:c", Seq: 7, Record: "4421584500000000017450439092"},
	}
	if got := dynamo.Rings(event.Records); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := dynamo.Rings(nil); len(got) != 0 {
		t.Errorf("of no records: %+v", got)
	}
}

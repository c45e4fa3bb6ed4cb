package dynamo_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/dynamo"
	"drawdown/shared/ledger"
)

const newsBatch = `{"Records":[
 {"eventName":"INSERT","dynamodb":{"Keys":{"pk":{"S":"A#acme#00"}},
   "NewImage":{"pk":{"S":"A#acme#00"},"n":{"N":"7"},"la":{"N":"1795426200000"},"g":{"L":[{"M":{"i":{"S":"g1"},"r":{"N":"5"}}}]},
    "al":{"L":[{"M":{"n":{"N":"6"},"k":{"S":"low_balance"}}},{"M":{"n":{"N":"7"},"k":{"S":"depleted"}}}]},"rd":{"BOOL":true},"x":{"NULL":true}},
   "SequenceNumber":"4421584500000000017450439091"}},
 {"eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"A#a.b:c#00"}},"NewImage":{"n":{"N":"8"},"rd":{"BOOL":true}},"SequenceNumber":"4421584500000000017450439092"}},
 {"eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"A#acme#00"}},"NewImage":{"n":{"N":"9"}},"SequenceNumber":"4421584500000000017450439093"}},
 {"eventName":"REMOVE","dynamodb":{"Keys":{"pk":{"S":"A#gone#00"}},"OldImage":{"n":{"N":"9"},"rd":{"BOOL":true}},"SequenceNumber":"4421584500000000017450439094"}},
 {"eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"something else"}},"NewImage":{"n":{"N":"3"},"rd":{"BOOL":true}},"SequenceNumber":"4421584500000000017450439095"}}
]}`

func TestNewsOfABatch(t *testing.T) {
	var event struct {
		Records []dynamo.NewsRecord `json:"Records"`
	}
	if err := json.Unmarshal([]byte(newsBatch), &event); err != nil {
		t.Fatal(err)
	}
	want := []ledger.News{
		{
			Account: "acme", Seq: 7, LastAt: time.UnixMilli(1795426200000).UTC(), Alerts: []ledger.Alert{{Seq: 6, Kind: ledger.LowBalance}, {Seq: 7, Kind: ledger.Depleted}},
			RefillDue: true, Record: "4421584500000000017450439091",
		},
		{Account: "a.b:c", Seq: 8, RefillDue: true, Record: "4421584500000000017450439092"},
	}
	if got := dynamo.NewsOf(event.Records); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

package dynamo

import (
	"strconv"
	"strings"

	"drawdown/shared/ledger"
)

// NewsRecord is what the relay needs of a record of the wallets' stream. Unlike
// a StreamRecord it reads the image, and of that the news alone.
type NewsRecord struct {
	Change struct {
		SequenceNumber string                 `json:"SequenceNumber"`
		Keys           map[string]StreamValue `json:"Keys"`
		NewImage       newsImage              `json:"NewImage"`
	} `json:"dynamodb"`
}

// newsImage names the attributes as walletRecord does.
type newsImage struct {
	Seq    StreamValue `json:"n"`
	LastAt StreamValue `json:"la"`
	Alerts struct {
		List []struct {
			Alert struct {
				Seq  StreamValue `json:"n"`
				Kind StreamValue `json:"k"`
			} `json:"M"`
		} `json:"L"`
	} `json:"al"`
	RefillDue struct {
		Value bool `json:"BOOL"`
	} `json:"rd"`
}

// News is what one image of a wallet has to say.
type News struct {
	Account   string
	Seq       int64 // of the image
	LastAt    int64 // when it was made, in Unix milliseconds
	Alerts    []ledger.Alert
	RefillDue bool
	Record    string // the sequence number, by which the record comes again
}

// NewsOf is the news of a batch of the wallets' stream, one a record that has
// any, in their order.
func NewsOf(records []NewsRecord) []News {
	var all []News
	for _, record := range records {
		account, isWallet := strings.CutPrefix(record.Change.Keys[attrPK].S, "A#")
		image := record.Change.NewImage
		seq, err := strconv.ParseInt(image.Seq.N, 10, 64)
		if !isWallet || err != nil {
			continue // a wallet was removed by hand: it has nothing to say
		}
		news := News{
			Account: strings.TrimSuffix(account, stripe), Seq: seq, RefillDue: image.RefillDue.Value, Record: record.Change.SequenceNumber,
		}
		news.LastAt, _ = strconv.ParseInt(image.LastAt.N, 10, 64) // 0 where it is missing
		for _, element := range image.Alerts.List {
			of, err := strconv.ParseInt(element.Alert.Seq.N, 10, 64)
			if err != nil {
				of = seq
			}
			news.Alerts = append(news.Alerts, ledger.Alert{Seq: of, Kind: ledger.AlertKind(element.Alert.Kind.S)})
		}
		if len(news.Alerts) > 0 || news.RefillDue {
			all = append(all, news)
		}
	}
	return all
}

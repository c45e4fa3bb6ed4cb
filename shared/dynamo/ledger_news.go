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

// NewsOf is the news of a batch of the wallets' stream, one a record that has
// any, in their order.
func NewsOf(records []NewsRecord) []ledger.News {
	var all []ledger.News
	for _, record := range records {
		account, isWallet := strings.CutPrefix(record.Change.Keys[attrPK].S, "A#")
		image := record.Change.NewImage
		seq, err := strconv.ParseInt(image.Seq.N, 10, 64)
		if !isWallet || err != nil {
			continue // a wallet was removed by hand: it has nothing to say
		}
		news := ledger.News{
			Account: strings.TrimSuffix(account, stripe), Seq: seq, RefillDue: image.RefillDue.Value, Record: record.Change.SequenceNumber,
		}
		last, _ := strconv.ParseInt(image.LastAt.N, 10, 64) // 0 where it is missing
		news.LastAt = instant(last)
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

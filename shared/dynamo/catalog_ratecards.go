package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

// RateCard reads one published card strongly consistently; nil where there is none.
func (c *Catalog) RateCard(ctx context.Context, version string) (*rating.Card, error) {
	item, err := c.get(ctx, c.names.Accounts, rateCardKey(version))
	if err != nil || item == nil {
		return nil, err
	}
	card, err := decodeCard(item)
	return &card, err
}

// ReadBook reads all published cards, strongly consistently.
func (c *Catalog) ReadBook(ctx context.Context) (rating.Book, error) {
	items, err := c.query(ctx, &dynamodb.QueryInput{
		TableName:              &c.names.Accounts,
		KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": text(CatalogPK),
			":sk": text(cardSK),
		},
	})
	if err != nil {
		return rating.Book{}, err
	}
	cards := make([]rating.Card, len(items))
	for i, item := range items {
		if cards[i], err = decodeCard(item); err != nil {
			return rating.Book{}, err
		}
	}
	return rating.NewBook(cards), nil
}

// PublishRateCard adds a card to the book that was read. It reports false
// where the version exists already, or where this would be the first card and
// another has come first; then the caller reads again.
func (c *Catalog) PublishRateCard(ctx context.Context, card rating.Card, first bool) (bool, error) {
	item, err := encodeCard(card)
	if err != nil {
		return false, err
	}
	items := []types.TransactWriteItem{putNew(c.names.Accounts, item)}
	if first {
		// Only the first card may be in force at once, so two must not both be it.
		items = append(items, putNew(c.names.Accounts, firstCardKey().attributes()))
	}
	out, err := c.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems:          items,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, reason := range cancelled.CancellationReasons {
			if code := aws.ToString(reason.Code); code == reasonCondition {
				return false, nil
			}
		}
		return false, fault.New(fault.Contended, "Rate cards are being published by another request; nothing was changed. Send the request again.")
	}
	if err != nil {
		return false, failure("publishing rate card "+card.Version, err)
	}
	c.reportWrite(ctx, "TransactWriteItems", out.ConsumedCapacity...)
	return true, nil
}

type cardRecord struct {
	PK          string       `dynamodbav:"pk"`
	SK          string       `dynamodbav:"sk"`
	Version     string       `dynamodbav:"v"`
	EffectiveAt int64        `dynamodbav:"ef"`
	PublishedAt int64        `dynamodbav:"pu"`
	Rates       []rateRecord `dynamodbav:"r"`
}

type rateRecord struct {
	Node    string `dynamodbav:"n"`
	Action  string `dynamodbav:"a"`
	Label   string `dynamodbav:"l,omitempty"`
	Unit    string `dynamodbav:"u,omitempty"`
	PerUnit int64  `dynamodbav:"p,omitempty"`
}

func encodeCard(card rating.Card) (map[string]types.AttributeValue, error) {
	key := rateCardKey(card.Version)
	item, err := attributevalue.MarshalMap(cardRecord{
		PK:          key.PK,
		SK:          key.SK,
		Version:     card.Version,
		EffectiveAt: millis(card.EffectiveAt),
		PublishedAt: millis(card.PublishedAt),
		Rates: mapped(card.Rates, func(r rating.Rate) rateRecord {
			return rateRecord{r.Node, r.Action, r.Label, r.Unit, int64(r.PerUnit)}
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("dynamo: encoding rate card %s: %w", card.Version, err)
	}
	return item, nil
}

func decodeCard(item map[string]types.AttributeValue) (rating.Card, error) {
	var r cardRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return rating.Card{}, fmt.Errorf("dynamo: decoding a rate card: %w", err)
	}
	return rating.Card{
		Version:     r.Version,
		EffectiveAt: instant(r.EffectiveAt),
		PublishedAt: instant(r.PublishedAt),
		Rates: mapped(r.Rates, func(r rateRecord) rating.Rate {
			return rating.Rate{
				Item:  rating.Item{Node: r.Node, Action: r.Action},
				Label: r.Label, Unit: r.Unit, PerUnit: credit.Amount(r.PerUnit),
			}
		}),
	}, nil
}

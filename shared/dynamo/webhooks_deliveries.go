package dynamo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/events"
	"drawdown/shared/webhooks"
)

// AddDelivery stores a new delivery, claimed by whoever adds it. It reports
// false where the event is on its way to that endpoint already.
func (w *Webhooks) AddDelivery(ctx context.Context, d webhooks.Delivery) (bool, error) {
	return w.putDelivery(ctx, d, "attribute_not_exists(pk)", nil)
}

// SettleDelivery stores what came of a claimed delivery. It reports false where
// the claim has ended and another has taken the delivery, whose word then counts.
func (w *Webhooks) SettleDelivery(ctx context.Context, d webhooks.Delivery) (bool, error) {
	held := map[string]types.AttributeValue{":held": text(deliveryDue(d.Claim, d.Endpoint, d.ID))}
	d.Claim = time.Time{}
	return w.putDelivery(ctx, d, "dt = :held", held)
}

func (w *Webhooks) putDelivery(ctx context.Context, d webhooks.Delivery, condition string, values map[string]types.AttributeValue) (bool, error) {
	item, err := attributevalue.MarshalMap(recordOf(d))
	if err != nil {
		return false, fmt.Errorf("dynamo: encoding delivery %s: %w", d.ID, err)
	}
	out, err := w.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                 &w.names.Accounts,
		Item:                      item,
		ConditionExpression:       &condition,
		ExpressionAttributeValues: values,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	})
	if conditionFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("writing delivery "+d.ID, err)
	}
	w.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return true, nil
}

// DueDeliveries lists deliveries that are due at an instant, the longest due
// first, at most limit.
func (w *Webhooks) DueDeliveries(ctx context.Context, at time.Time, limit int) ([]webhooks.DueDelivery, error) {
	items, err := w.queryIndex(ctx, Due, &dynamodb.QueryInput{
		TableName:              &w.names.Accounts,
		KeyConditionExpression: aws.String("db = :in AND dt < :at"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":in": text(dueDelivery), ":at": text(dueBefore(at.Add(time.Millisecond))),
		},
	}, limit)
	if err != nil {
		return nil, err
	}
	due := make([]webhooks.DueDelivery, len(items))
	for i, item := range items {
		due[i] = webhooks.DueDelivery{
			Endpoint: strings.TrimPrefix(stringOf(item[attrPK]), DeliveryPK), ID: stringOf(item[attrSK]), Place: stringOf(item[attrDueAt]),
		}
	}
	return due, nil
}

// ClaimDelivery takes a due delivery for its caller alone, until an instant. It
// is nil where another has been faster.
func (w *Webhooks) ClaimDelivery(ctx context.Context, due webhooks.DueDelivery, until time.Time) (*webhooks.Delivery, error) {
	out, err := w.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &w.names.Accounts,
		Key:                 deliveryKey(due.Endpoint, due.ID).attributes(),
		ConditionExpression: aws.String("dt = :seen"),
		UpdateExpression:    aws.String("SET dt = :held, cl = :until"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":seen": text(due.Place), ":held": text(deliveryDue(until, due.Endpoint, due.ID)), ":until": number(millis(until)),
		},
		ReturnValues:           types.ReturnValueAllNew,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if conditionFailed(err) {
		return nil, nil
	}
	if err != nil {
		return nil, failure("claiming delivery "+due.ID, err)
	}
	w.reportWrite(ctx, "UpdateItem", one(out.ConsumedCapacity)...)
	delivery, err := decodeDelivery(out.Attributes)
	return &delivery, err
}

// ResendDelivery makes a delivery due at an instant, with all its tries before
// it, whatever has become of it. It is nil where there is none.
func (w *Webhooks) ResendDelivery(ctx context.Context, endpoint, id string, at time.Time) (*webhooks.Delivery, error) {
	out, err := w.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &w.names.Accounts,
		Key:                 deliveryKey(endpoint, id).attributes(),
		ConditionExpression: aws.String("attribute_exists(pk)"),
		UpdateExpression:    aws.String("SET db = :in, dt = :due, na = :at, st = :pending REMOVE s, cl"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":in": text(dueDelivery), ":due": text(deliveryDue(at, endpoint, id)),
			":at": number(millis(at)), ":pending": text(string(webhooks.Pending)),
		},
		ReturnValues:           types.ReturnValueAllNew,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if conditionFailed(err) {
		return nil, nil
	}
	if err != nil {
		return nil, failure("resending delivery "+id, err)
	}
	w.reportWrite(ctx, "UpdateItem", one(out.ConsumedCapacity)...)
	delivery, err := decodeDelivery(out.Attributes)
	return &delivery, err
}

// Deliveries lists an endpoint's deliveries, the newest events first, those
// before the given id, at most limit.
func (w *Webhooks) Deliveries(ctx context.Context, endpoint, before string, limit int) ([]webhooks.Delivery, error) {
	condition := "pk = :pk"
	values := map[string]types.AttributeValue{":pk": text(DeliveryPK + endpoint)}
	if before != "" {
		condition += " AND sk < :before"
		values[":before"] = text(before)
	}
	items, err := w.queryPage(ctx, &dynamodb.QueryInput{
		TableName:                 &w.names.Accounts,
		KeyConditionExpression:    &condition,
		ExpressionAttributeValues: values,
		ScanIndexForward:          aws.Bool(false),
	}, limit)
	if err != nil {
		return nil, err
	}
	deliveries := make([]webhooks.Delivery, len(items))
	for i, item := range items {
		if deliveries[i], err = decodeDelivery(item); err != nil {
			return nil, err
		}
	}
	return deliveries, nil
}

type deliveryRecord struct {
	PK            string `dynamodbav:"pk"`
	SK            string `dynamodbav:"sk"`
	DueIn         string `dynamodbav:"db,omitempty"`
	DueAt         string `dynamodbav:"dt,omitempty"`
	EventID       string `dynamodbav:"e"`
	Type          string `dynamodbav:"k"`
	OccurredAt    int64  `dynamodbav:"o"`
	Body          string `dynamodbav:"b"`
	State         string `dynamodbav:"st"`
	Attempts      int    `dynamodbav:"a,omitempty"`
	Step          int    `dynamodbav:"s,omitempty"`
	LastStatus    int    `dynamodbav:"ls,omitempty"`
	LastError     string `dynamodbav:"le,omitempty"`
	LastAttemptAt int64  `dynamodbav:"la,omitempty"`
	NextAttemptAt int64  `dynamodbav:"na,omitempty"`
	Claim         int64  `dynamodbav:"cl,omitempty"`
	ExpiresAt     int64  `dynamodbav:"xt"` // seconds, as DynamoDB counts the time to live
}

// recordOf is a delivery as it is stored: due when its claim ends, or else at
// its next try, while it is pending.
func recordOf(d webhooks.Delivery) deliveryRecord {
	key := deliveryKey(d.Endpoint, d.ID)
	record := deliveryRecord{
		PK: key.PK, SK: key.SK, EventID: d.EventID, Type: string(d.Type), OccurredAt: millis(d.OccurredAt), Body: d.Body,
		State: string(d.State), Attempts: d.Attempts, Step: d.Step, LastStatus: d.LastStatus, LastError: d.LastError,
		LastAttemptAt: millis(d.LastAttemptAt), NextAttemptAt: millis(d.NextAttemptAt), Claim: millis(d.Claim),
		ExpiresAt: d.OccurredAt.AddDate(0, 0, deliveryDays).Unix(),
	}
	if d.State == webhooks.Pending {
		due := d.NextAttemptAt
		if !d.Claim.IsZero() {
			due = d.Claim
		}
		record.DueIn, record.DueAt = dueDelivery, deliveryDue(due, d.Endpoint, d.ID)
	}
	return record
}

func decodeDelivery(item map[string]types.AttributeValue) (webhooks.Delivery, error) {
	var r deliveryRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return webhooks.Delivery{}, fmt.Errorf("dynamo: decoding a delivery: %w", err)
	}
	return webhooks.Delivery{
		Endpoint: strings.TrimPrefix(r.PK, DeliveryPK), ID: r.SK, EventID: r.EventID, Type: events.Type(r.Type),
		OccurredAt: instant(r.OccurredAt), Body: r.Body, State: webhooks.State(r.State), Attempts: r.Attempts, Step: r.Step,
		LastStatus: r.LastStatus, LastError: r.LastError, LastAttemptAt: instant(r.LastAttemptAt),
		NextAttemptAt: instant(r.NextAttemptAt), Claim: instant(r.Claim),
	}, nil
}

package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// Catalog is what is sold, and what use costs: plans, packs and rate cards.
type Catalog struct{ *core }

// Plan reads a plan strongly consistently; nil where there is none.
func (c *Catalog) Plan(ctx context.Context, id string) (*billing.Plan, error) {
	record, err := read[soldPlanRecord](ctx, c.core, planKey(id))
	if err != nil || record == nil {
		return nil, err
	}
	plan := record.plan()
	return &plan, nil
}

// Pack reads a pack strongly consistently; nil where there is none.
func (c *Catalog) Pack(ctx context.Context, id string) (*billing.Pack, error) {
	record, err := read[soldPackRecord](ctx, c.core, packKey(id))
	if err != nil || record == nil {
		return nil, err
	}
	pack := record.pack()
	return &pack, nil
}

// Plans reads all plans strongly consistently, by id.
func (c *Catalog) Plans(ctx context.Context) ([]billing.Plan, error) {
	records, err := catalog[soldPlanRecord](ctx, c, planSK)
	return mapped(records, soldPlanRecord.plan), err
}

// Packs reads all packs strongly consistently, by id.
func (c *Catalog) Packs(ctx context.Context) ([]billing.Pack, error) {
	records, err := catalog[soldPackRecord](ctx, c, packSK)
	return mapped(records, soldPackRecord.pack), err
}

func catalog[R any](ctx context.Context, c *Catalog, prefix string) ([]R, error) {
	items, err := c.query(ctx, &dynamodb.QueryInput{
		TableName:                 &c.names.Accounts,
		KeyConditionExpression:    aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(CatalogPK), ":sk": text(prefix)},
	})
	if err != nil {
		return nil, err
	}
	records := make([]R, len(items))
	for i, item := range items {
		if err := attributevalue.UnmarshalMap(item, &records[i]); err != nil {
			return nil, fmt.Errorf("dynamo: decoding the catalog: %w", err)
		}
	}
	return records, nil
}

// SavePlan writes a plan in place of the one that was changed last at an instant,
// zero where there was none, and answers false where another write came first. Its
// UpdatedAt must be a later one.
func (c *Catalog) SavePlan(ctx context.Context, plan billing.Plan, replaced time.Time) (bool, error) {
	return c.putVersioned(ctx, "saving plan "+plan.ID, soldPlanRecord{
		soldRecord: soldRecord{
			PK: CatalogPK, SK: planKey(plan.ID).SK, ID: plan.ID, Name: plan.Name, Description: plan.Description,
			Price: moneyRecord{plan.Price.Minor, plan.Price.Currency}, Credits: int64(plan.IncludedCredits), Active: plan.Active,
			ProductID: plan.ProductID, PriceID: plan.PriceID, UpdatedAt: millis(plan.UpdatedAt),
		},
		Interval: string(plan.Interval), Policy: string(plan.Overage.Policy), Limit: int64(plan.Overage.Limit),
		OveragePrice: int64(plan.OveragePrice), Rollover: int64(plan.Rollover),
	}, millis(replaced))
}

// SavePack is SavePlan for a pack.
func (c *Catalog) SavePack(ctx context.Context, pack billing.Pack, replaced time.Time) (bool, error) {
	return c.putVersioned(ctx, "saving pack "+pack.ID, soldPackRecord{
		soldRecord: soldRecord{
			PK: CatalogPK, SK: packKey(pack.ID).SK, ID: pack.ID, Name: pack.Name, Description: pack.Description,
			Price: moneyRecord{pack.Price.Minor, pack.Price.Currency}, Credits: int64(pack.Credits), Active: pack.Active,
			ProductID: pack.ProductID, PriceID: pack.PriceID, UpdatedAt: millis(pack.UpdatedAt),
		},
		ValidityDays: pack.ValidityDays,
	}, millis(replaced))
}

// What plans and packs have in common. Their version is the time of their last
// change, which each write moves on.
type soldRecord struct {
	PK          string      `dynamodbav:"pk"`
	SK          string      `dynamodbav:"sk"`
	ID          string      `dynamodbav:"i"`
	Name        string      `dynamodbav:"nm"`
	Description string      `dynamodbav:"de,omitempty"`
	Price       moneyRecord `dynamodbav:"pr"`
	Credits     int64       `dynamodbav:"c,omitempty"`
	Active      bool        `dynamodbav:"ac,omitempty"`
	ProductID   string      `dynamodbav:"pd,omitempty"`
	PriceID     string      `dynamodbav:"pi,omitempty"`
	UpdatedAt   int64       `dynamodbav:"v"`
}

type soldPlanRecord struct {
	soldRecord
	Interval     string `dynamodbav:"in"`
	Policy       string `dynamodbav:"op"`
	Limit        int64  `dynamodbav:"ol,omitempty"`
	OveragePrice int64  `dynamodbav:"or,omitempty"`
	Rollover     int64  `dynamodbav:"ro,omitempty"`
}

type soldPackRecord struct {
	soldRecord
	ValidityDays int `dynamodbav:"vd,omitempty"`
}

func (r soldPlanRecord) plan() billing.Plan {
	return billing.Plan{
		ID: r.ID, Name: r.Name, Description: r.Description, Price: money.Money{Minor: r.Price.Minor, Currency: r.Price.Currency},
		Interval: billing.Interval(r.Interval), IncludedCredits: credit.Amount(r.Credits),
		Overage:      ledger.Overage{Policy: ledger.OveragePolicy(r.Policy), Limit: credit.Amount(r.Limit)},
		OveragePrice: credit.Amount(r.OveragePrice), Rollover: credit.Amount(r.Rollover), Active: r.Active,
		ProductID: r.ProductID, PriceID: r.PriceID, UpdatedAt: instant(r.UpdatedAt),
	}
}

func (r soldPackRecord) pack() billing.Pack {
	return billing.Pack{
		ID: r.ID, Name: r.Name, Description: r.Description, Price: money.Money{Minor: r.Price.Minor, Currency: r.Price.Currency},
		Credits: credit.Amount(r.Credits), ValidityDays: r.ValidityDays, Active: r.Active,
		ProductID: r.ProductID, PriceID: r.PriceID, UpdatedAt: instant(r.UpdatedAt),
	}
}

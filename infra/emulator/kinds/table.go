package kinds

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"drawdown/infra/emulator/dynamolocal"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a table in memory: how it is encrypted, backed up, guarded, watched, labelled and throttled.
// DynamoDB Local removes no expired items, and the service gives no time by which it does.
var (
	inertOfTables = []string{
		"ContributorInsightsSpecification", "DeletionProtectionEnabled", "OnDemandThroughput",
		"PointInTimeRecoverySpecification", "ResourcePolicy", "SSESpecification", "TableClass", "Tags",
		"TimeToLiveSpecification", "WarmThroughput",
	}
	inertOfGlobalTables = []string{
		"SSESpecification", "TimeToLiveSpecification", "WarmThroughput", "WriteOnDemandThroughputSettings",
		"WriteProvisionedThroughputSettings",
	}
)

type tableProperties struct {
	TableName              string
	BillingMode            string
	AttributeDefinitions   []struct{ AttributeName, AttributeType string }
	KeySchema              []keyElement
	GlobalSecondaryIndexes []indexProperties
	LocalSecondaryIndexes  []indexProperties
	StreamSpecification    *struct {
		StreamViewType string
		ResourcePolicy any // permissions are not checked
	}
}

type globalTableProperties struct {
	tableProperties
	Replicas []replicaProperties
}

type keyElement struct{ AttributeName, KeyType string }

type indexProperties struct {
	IndexName  string
	KeySchema  []keyElement
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string
	}
	// As with tables, these watch and throttle.
	ContributorInsightsSpecification any
	OnDemandThroughput               any
	WarmThroughput                   any
	WriteOnDemandThroughputSettings  any
}

// replicaProperties are those of the one replica that a table has here. Apart from the region all are inert, as
// those of tables are.
type replicaProperties struct {
	Region                            string
	ContributorInsightsSpecification  any
	DeletionProtectionEnabled         any
	GlobalSecondaryIndexes            any
	PointInTimeRecoverySpecification  any
	ReadOnDemandThroughputSettings    any
	ReplicaStreamSpecification        any
	ResourcePolicy                    any
	SSESpecification                  any
	TableClass                        any
	Tags                              any
	ReadProvisionedThroughputSettings any
}

const (
	typeTable       = "AWS::DynamoDB::Table"
	typeGlobalTable = "AWS::DynamoDB::GlobalTable"
)

// Tables are the tables of DynamoDB, in DynamoDB Local.
type Tables struct {
	*dynamolocal.Server
	plain
	host         *Host
	tables       map[string]*table // by logical id
	forFunctions string            // where functions find DynamoDB: DynamoDB Local, or what stands before it
}

type table struct {
	resource  template.Resource
	name      string
	input     *dynamodb.CreateTableInput
	streamARN string
}

// Prepare implements Kind.
func (k *Tables) Prepare(r template.Resource) error {
	properties, err := k.properties(r)
	if err != nil {
		return err
	}
	if mode := properties.BillingMode; mode != string(types.BillingModePayPerRequest) {
		return r.Errorf("BillingMode", "PAY_PER_REQUEST is expected, not %q", mode)
	}
	name, err := k.Ref(r)
	if err != nil {
		return err
	}
	k.tables[r.LogicalID] = &table{resource: r, name: name, input: properties.input(name)}
	return nil
}

func (k *Tables) properties(r template.Resource) (tableProperties, error) {
	if r.Type == typeTable {
		var properties tableProperties
		err := k.host.Decode(r, inertOfTables, &properties)
		return properties, err
	}
	var properties globalTableProperties
	if err := k.host.Decode(r, inertOfGlobalTables, &properties); err != nil {
		return tableProperties{}, err
	}
	if len(properties.Replicas) != 1 || properties.Replicas[0].Region != template.Region {
		return tableProperties{}, r.Errorf("Replicas", "one in %s is expected", template.Region)
	}
	return properties.tableProperties, nil
}

// create starts DynamoDB Local, which takes long, and creates the tables there.
func (k *Tables) create(ctx context.Context) error {
	if len(k.tables) == 0 {
		return nil
	}
	if err := k.Start(ctx); err != nil {
		return err
	}
	client := dynamodb.New(dynamodb.Options{Region: template.Region, BaseEndpoint: aws.String(k.URL), Credentials: credentials})
	for _, id := range slices.Sorted(maps.Keys(k.tables)) {
		t := k.tables[id]
		output, err := client.CreateTable(ctx, t.input)
		if err != nil {
			return fmt.Errorf("%s: %w", t.resource, err)
		}
		t.streamARN = aws.ToString(output.TableDescription.LatestStreamArn)
	}
	return nil
}

func (t tableProperties) input(name string) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(t.KeySchema),
	}
	for _, a := range t.AttributeDefinitions {
		input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(a.AttributeName), AttributeType: types.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, index := range t.GlobalSecondaryIndexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(index.IndexName), KeySchema: keySchema(index.KeySchema), Projection: index.projection(),
		})
	}
	for _, index := range t.LocalSecondaryIndexes {
		input.LocalSecondaryIndexes = append(input.LocalSecondaryIndexes, types.LocalSecondaryIndex{
			IndexName: aws.String(index.IndexName), KeySchema: keySchema(index.KeySchema), Projection: index.projection(),
		})
	}
	if stream := t.StreamSpecification; stream != nil {
		input.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(stream.StreamViewType),
		}
	}
	return input
}

func (i indexProperties) projection() *types.Projection {
	return &types.Projection{
		ProjectionType:   types.ProjectionType(i.Projection.ProjectionType),
		NonKeyAttributes: i.Projection.NonKeyAttributes,
	}
}

func keySchema(elements []keyElement) []types.KeySchemaElement {
	schema := make([]types.KeySchemaElement, 0, len(elements))
	for _, e := range elements {
		schema = append(schema, types.KeySchemaElement{
			AttributeName: aws.String(e.AttributeName), KeyType: types.KeyType(e.KeyType),
		})
	}
	return schema
}

func (k *Tables) hasStream(arn string) bool {
	for _, t := range k.tables {
		if arn != "" && t.streamARN == arn {
			return true
		}
	}
	return false
}

// streams returns a client of the tables' streams.
func (k *Tables) streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{Region: template.Region, BaseEndpoint: aws.String(k.URL), Credentials: credentials})
}

// Name returns the physical name of the table with this logical id or construct name. It is "" if there is none, or if
// several tables share the given beginning of a logical id.
func (k *Tables) Name(logical string) string {
	var byName, byPrefix []string
	for id, t := range k.tables {
		if isConstruct(id, logical) {
			byName = append(byName, t.name)
		}
		if strings.HasPrefix(id, logical) {
			byPrefix = append(byPrefix, t.name)
		}
	}
	for _, found := range [][]string{byName, byPrefix} {
		if len(found) == 1 {
			return found[0]
		}
	}
	return ""
}

// Ref implements Kind.
func (k *Tables) Ref(r template.Resource) (string, error) { return k.host.name(r, "TableName") }

// Attribute implements Kind.
func (k *Tables) Attribute(r template.Resource, name string) (string, error) {
	physical, err := k.Ref(r)
	if err != nil {
		return "", err
	}
	switch t := k.tables[r.LogicalID]; {
	case name == "Arn":
		return arn("dynamodb", "table/"+physical), nil
	case name == "StreamArn" && t != nil && t.streamARN != "":
		return t.streamARN, nil
	}
	return "", unknownAttribute(r, name)
}

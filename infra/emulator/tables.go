package emulator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/infra/emulator/template"
)

// What has no bearing on a table in memory: how it is encrypted, backed up, guarded, watched, labelled and throttled.
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

// table is a table of the template.
type table struct {
	resource  template.Resource
	name      string
	input     *dynamodb.CreateTableInput
	streamARN string
}

func buildTable(p *Platform, r template.Resource) error {
	var properties tableProperties
	if err := p.stack.Decode(r, inertOfTables, &properties); err != nil {
		return err
	}
	return p.addTable(r, properties)
}

func buildGlobalTable(p *Platform, r template.Resource) error {
	var properties globalTableProperties
	if err := p.stack.Decode(r, inertOfGlobalTables, &properties); err != nil {
		return err
	}
	if len(properties.Replicas) != 1 || properties.Replicas[0].Region != template.Region {
		return r.Errorf("Replicas", "one in %s is expected", template.Region)
	}
	return p.addTable(r, properties.tableProperties)
}

func (p *Platform) addTable(r template.Resource, properties tableProperties) error {
	if mode := properties.BillingMode; mode != string(types.BillingModePayPerRequest) {
		return r.Errorf("BillingMode", "PAY_PER_REQUEST is expected, not %q", mode)
	}
	name, err := p.named(r, "TableName")
	if err != nil {
		return err
	}
	p.tables[r.LogicalID] = &table{resource: r, name: name, input: properties.input(name)}
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

func (p *Platform) createTable(ctx context.Context, t *table) error {
	client := dynamodb.New(dynamodb.Options{
		Region:       template.Region,
		BaseEndpoint: aws.String(p.dynamodb.URL),
		Credentials:  aws.CredentialsProviderFunc(localCredentials),
	})
	output, err := client.CreateTable(ctx, t.input)
	if err != nil {
		return fmt.Errorf("%s: %w", t.resource, err)
	}
	t.streamARN = aws.ToString(output.TableDescription.LatestStreamArn)
	return nil
}

func localCredentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey}, nil
}

func (p *Platform) tableIDs() []string { return slices.Sorted(maps.Keys(p.tables)) }

// TableName is the physical name of the table with this logical id or construct name. It is empty if there is none,
// or if the beginning of a logical id is given that several tables share.
func (p *Platform) TableName(logical string) string {
	var byName, byPrefix []string
	for _, id := range p.tableIDs() {
		if isConstruct(id, logical) {
			byName = append(byName, p.tables[id].name)
		}
		if strings.HasPrefix(id, logical) {
			byPrefix = append(byPrefix, p.tables[id].name)
		}
	}
	for _, found := range [][]string{byName, byPrefix} {
		if len(found) == 1 {
			return found[0]
		}
	}
	return ""
}

func tableName(p *Platform, r template.Resource) (any, error) { return p.named(r, "TableName") }

func tableAttribute(p *Platform, r template.Resource, name string) (any, error) {
	physical, err := p.named(r, "TableName")
	if err != nil {
		return nil, err
	}
	switch t := p.tables[r.LogicalID]; {
	case name == "Arn":
		return arn("dynamodb", "table/"+physical), nil
	case name == "StreamArn" && t != nil && t.streamARN != "":
		return t.streamARN, nil
	}
	return nil, unknownAttribute(r, name)
}

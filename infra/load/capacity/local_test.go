package capacity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/infra/load/capacity"
	"drawdown/shared/dynamo/dynamotest"
)

// DynamoDB Local reports plain writes correctly: an item of 1 KB by our count costs
// one unit, and one byte more costs two.
func TestSizeAgreesWithDynamoDBLocal(t *testing.T) {
	tables := dynamotest.NewTables(t)
	nested := func() types.AttributeValue {
		return &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberM{Value: capacity.Item{
				"i": &types.AttributeValueMemberS{Value: "grant-1"},
				"a": &types.AttributeValueMemberN{Value: "1000000000000"},
				"r": &types.AttributeValueMemberN{Value: "999999726000"},
				"x": &types.AttributeValueMemberN{Value: "1795507200000"},
			}},
			&types.AttributeValueMemberM{},
			&types.AttributeValueMemberL{},
		}}
	}
	for name, item := range map[string]capacity.Item{
		"strings": {"é": &types.AttributeValueMemberS{Value: "añb"}},
		"numbers": {"n": &types.AttributeValueMemberNS{Value: []string{
			"0", "7", "42", "123", "120", "10203", "1000000", "1795507200000", "-7", "-1234", "1.5", "12.345", "0.0012",
		}}},
		"binary":            {"h": &types.AttributeValueMemberB{Value: make([]byte, 16)}},
		"booleans and null": {"b": &types.AttributeValueMemberBOOL{}, "o": &types.AttributeValueMemberNULL{Value: true}},
		"lists and maps":    {"g": nested()},
		"sets":              {"s": &types.AttributeValueMemberSS{Value: []string{"ab", "c"}}},
	} {
		for size, want := range map[int]float64{1024: 1, 1025: 2} {
			item["pk"] = &types.AttributeValueMemberS{Value: name}
			item["pad"] = &types.AttributeValueMemberS{}
			item["pad"] = &types.AttributeValueMemberS{Value: strings.Repeat("x", size-capacity.Size(item))}
			out, err := tables.DB.PutItem(t.Context(), &dynamodb.PutItemInput{
				TableName: &tables.Names.Wallets, Item: item, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tables.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
				TableName: &tables.Names.Wallets, Key: capacity.Item{"pk": item["pk"]},
			}); err != nil {
				t.Fatal(err)
			}
			if got := aws.ToFloat64(out.ConsumedCapacity.CapacityUnits); got != want {
				t.Errorf("%s: an item of %d bytes costs %v, want %v", name, size, got, want)
			}
		}
	}
}

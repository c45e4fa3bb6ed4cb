package dynamo

import "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

// Key is the primary key of an item. SK is empty in a table without a sort key.
type Key struct{ PK, SK string }

func (k Key) attributes() map[string]types.AttributeValue {
	attributes := map[string]types.AttributeValue{attrPK: text(k.PK)}
	if k.SK != "" {
		attributes[attrSK] = text(k.SK)
	}
	return attributes
}

package permission

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"drawdown/infra/emulator/iam"
)

// leadingKeys is the condition key that holds the partitions that a request names.
const leadingKeys = "dynamodb:LeadingKeys"

// value is an attribute's value: its type and, of keys, a text.
type value map[string]any

func (v value) text() (string, error) {
	for _, one := range v {
		if text, ok := one.(string); ok && len(v) == 1 {
			return text, nil
		}
	}
	return "", errors.New("a key is no text, number or bytes")
}

type item map[string]value

// itemRequest is what requests for one item have, on their own or in a transaction.
type itemRequest struct {
	TableName string
	Key, Item item
}

type dynamodbRequest struct {
	itemRequest
	IndexName                 string
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues item
	TransactItems             []map[string]itemRequest
	RequestItems              map[string]json.RawMessage
}

// Tables returns the name of the attribute that a table, or an index of it, is partitioned by.
type Tables func(table, index string) (partition string, err error)

// transacted are the actions that the parts of a transaction need: it has none of its own.
var transacted = map[string]string{
	"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem",
	"ConditionCheck": "dynamodb:ConditionCheckItem", "Get": "dynamodb:GetItem",
}

// DynamoDB reads requests of DynamoDB.
func DynamoDB(partition Tables) Reader {
	return func(r *http.Request) ([]iam.Request, error) {
		text, err := readBody(r)
		if err != nil {
			return nil, err
		}
		var in dynamodbRequest
		if err := json.Unmarshal(text, &in); err != nil {
			return nil, err
		}
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		n := needs{partition: partition}
		switch operation {
		case "GetItem", "PutItem", "UpdateItem", "DeleteItem":
			err = n.item("dynamodb:"+operation, in.itemRequest)
		case "TransactWriteItems", "TransactGetItems":
			err = n.transaction(in.TransactItems)
		case "BatchGetItem":
			err = n.batch(in.RequestItems)
		case "Query":
			err = n.query(in)
		default:
			n.add("dynamodb:"+operation, anything)
		}
		return n.found, err
	}
}

// needs gathers what a request needs: the keys of one action on one table belong together.
type needs struct {
	partition Tables
	found     []iam.Request
}

func (n *needs) add(action, resource string, keys ...string) {
	at := slices.IndexFunc(n.found, func(r iam.Request) bool { return r.Action == action && r.Resource == resource })
	if at < 0 {
		n.found = append(n.found, iam.Request{Action: action, Resource: resource, Context: map[string][]string{}})
		at = len(n.found) - 1
	}
	for _, key := range keys {
		if context := n.found[at].Context; !slices.Contains(context[leadingKeys], key) {
			context[leadingKeys] = append(context[leadingKeys], key)
		}
	}
}

func (n *needs) item(action string, in itemRequest) error {
	attributes := in.Key
	if attributes == nil {
		attributes = in.Item
	}
	name, err := n.partition(in.TableName, "")
	if err != nil {
		return err
	}
	key, err := attributes[name].text()
	if err != nil {
		return err
	}
	n.add(action, tableARN(in.TableName), key)
	return nil
}

func (n *needs) transaction(parts []map[string]itemRequest) error {
	for _, part := range parts {
		for kind, one := range part {
			action, known := transacted[kind]
			if !known {
				return fmt.Errorf("a transaction has no part %q", kind)
			}
			if err := n.item(action, one); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *needs) batch(tables map[string]json.RawMessage) error {
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		var wanted struct{ Keys []item }
		if err := json.Unmarshal(tables[table], &wanted); err != nil {
			return err
		}
		for _, key := range wanted.Keys {
			if err := n.item("dynamodb:BatchGetItem", itemRequest{TableName: table, Key: key}); err != nil {
				return err
			}
		}
	}
	return nil
}

// equality is a comparison in a key condition, such as "#p = :p".
var equality = regexp.MustCompile(`([#\w.-]+)\s*=\s*(:\w+)`)

func (n *needs) query(in dynamodbRequest) error {
	name, err := n.partition(in.TableName, in.IndexName)
	if err != nil {
		return err
	}
	resource := tableARN(in.TableName)
	if in.IndexName != "" {
		resource += "/index/" + in.IndexName
	}
	for _, found := range equality.FindAllStringSubmatch(in.KeyConditionExpression, -1) {
		attribute := found[1]
		if alias, ok := in.ExpressionAttributeNames[attribute]; ok {
			attribute = alias
		}
		if attribute != name {
			continue
		}
		key, err := in.ExpressionAttributeValues[found[2]].text()
		if err != nil {
			return err
		}
		n.add("dynamodb:Query", resource, key)
		return nil
	}
	return fmt.Errorf("the key condition %q names no partition", in.KeyConditionExpression)
}

func tableARN(table string) string {
	if strings.HasPrefix(table, "arn:") {
		return table
	}
	return arn("dynamodb", "table/"+table)
}

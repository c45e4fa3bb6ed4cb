package cpu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"drawdown/infra/load/usual"
	"drawdown/shared/dynamo"
)

// canned replaces the network: it answers the SDK's requests as a service with one
// wallet would, with answers prepared in advance, so that only the work of the SDK
// and of the store is measured. The wallet never changes, so that every debit has
// the same state.
type canned struct {
	open   bool                       // the account is being opened: puts are kept
	kept   map[string]json.RawMessage // the item last put, by table
	answer map[string][]byte          // by operation
}

const target = "X-Amz-Target"

// Do implements the SDK's HTTP client.
func (c *canned) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(request.Header.Get(target), ".")
	if c.open {
		if err := c.keep(operation, body); err != nil {
			return nil, err
		}
	}
	answer, known := c.answer[operation]
	if !known {
		return nil, fmt.Errorf("cpu: no answer to %s is prepared", operation)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type":     {"application/x-amz-json-1.0"},
			"X-Amz-Crc32":      {strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer)), 10)},
			"X-Amzn-Requestid": {"bench"},
		},
		ContentLength: int64(len(answer)), Body: io.NopCloser(bytes.NewReader(answer)), Request: request,
	}, nil
}

// keep stores what a transaction puts, and prepares the answers to the requests
// that follow.
func (c *canned) keep(operation string, body []byte) error {
	if operation == "TransactWriteItems" {
		var transaction struct {
			TransactItems []struct {
				Put *struct {
					TableName string
					Item      json.RawMessage
				}
			}
		}
		if err := json.Unmarshal(body, &transaction); err != nil {
			return err
		}
		for _, item := range transaction.TransactItems {
			if item.Put != nil {
				c.kept[item.Put.TableName] = item.Put.Item
			}
		}
	}
	wallet, found := c.kept[tables.Wallets]
	if !found {
		wallet = json.RawMessage("null")
	}
	responses := map[string][]json.RawMessage{tables.Ledger: {}}
	single := map[string]any{}
	if found {
		responses[tables.Wallets] = []json.RawMessage{wallet}
		single["Item"] = wallet
	}
	names := slices.Sorted(maps.Keys(responses))
	consumed := make([]map[string]any, len(names))
	for i, name := range names {
		consumed[i] = map[string]any{"TableName": name, "CapacityUnits": 1}
	}
	for name, answer := range map[string]any{
		"GetItem":            single,
		"BatchGetItem":       map[string]any{"Responses": responses, "UnprocessedKeys": map[string]any{}, "ConsumedCapacity": consumed},
		"TransactWriteItems": map[string]any{"ConsumedCapacity": consumed},
	} {
		text, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		c.answer[name] = text
	}
	return nil
}

var tables = dynamo.Names{Wallets: "Wallets", Ledger: "Ledger", Usage: "Usage", Accounts: "Accounts"}

// openCanned is the real store over canned answers, with a usual account.
func openCanned(ctx context.Context) (*dynamo.Ledger, error) {
	network := &canned{open: true, kept: map[string]json.RawMessage{}, answer: map[string][]byte{}}
	store := dynamo.New(dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("https://dynamodb.eu-west-1.amazonaws.com"), HTTPClient: network,
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench", SessionToken: "bench"}, nil
		})),
	}), tables, nil).Ledger
	err := usual.Open(ctx, committerOver(store), account)
	network.open = false
	return store, err
}

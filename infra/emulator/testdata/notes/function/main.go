// Command function keeps notes in a table: what PUT /notes/{id} puts there, GET /notes/{id} gets.
package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type (
	request = events.APIGatewayV2HTTPRequest
	answer  = events.APIGatewayV2HTTPResponse
	text    = types.AttributeValueMemberS
)

func main() {
	lambda.Start(func(ctx context.Context, r request) (answer, error) {
		settings, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return answer{}, err
		}
		return handle(ctx, dynamodb.NewFromConfig(settings), aws.String(os.Getenv("NOTES_TABLE")), r)
	})
}

func handle(ctx context.Context, client *dynamodb.Client, table *string, r request) (answer, error) {
	note := map[string]types.AttributeValue{"id": &text{Value: r.PathParameters["id"]}}
	if r.RequestContext.HTTP.Method == http.MethodPut {
		body := []byte(r.Body)
		if r.IsBase64Encoded { // as API Gateway sends what is not said to be text
			body, _ = base64.StdEncoding.DecodeString(r.Body)
		}
		note["text"] = &text{Value: string(body)}
		_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: note})
		return answer{StatusCode: http.StatusNoContent}, err
	}
	found, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: note})
	if err != nil || found.Item == nil {
		return answer{StatusCode: http.StatusNotFound}, err
	}
	kept, _ := found.Item["text"].(*text) // which PUT has written
	return answer{StatusCode: http.StatusOK, Body: kept.Value}, nil
}

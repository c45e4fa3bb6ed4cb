package kinds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The credentials of functions, and those for creating tables: DynamoDB Local requires some, and checks none. The id of
// a function's key ends with what distinguishes functions.
const (
	accessKeyID     = "LOCALACCESSKEY"
	secretAccessKey = "local-secret-access-key"
	sessionToken    = "local-session-token"
)

var credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey}, nil
})

package kinds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The credentials that functions are given, and that tables are made with: DynamoDB Local wants some, and checks none.
// The id of a function's key goes on with what tells functions apart.
const (
	accessKeyID     = "LOCALACCESSKEY"
	secretAccessKey = "local-secret-access-key"
	sessionToken    = "local-session-token"
)

var credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey}, nil
})

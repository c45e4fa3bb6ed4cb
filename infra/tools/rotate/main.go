// Command rotate replaces the key that signs session tokens. Open sessions stay
// valid: Secrets Manager keeps the previous key, which still verifies what it
// signed. A second rotation ends those sessions, so leave more than an hour between
// two unless that is what you want.
//
//	rotate ARN     the secret's ARN: the stack's output SessionKeyArn
//
// Credentials and region come from the environment, as for every AWS command line.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const timeout = 30 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 || arguments[0] == "" {
		return errors.New("rotate: the secret's ARN is missing: run make rotate-sessions SESSION_KEY=<the stack's output SessionKeyArn>")
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("rotate: cannot load the AWS configuration: %w", err)
	}
	out, err := secretsmanager.NewFromConfig(settings).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(arguments[0]), SecretString: aws.String(newValue()),
	})
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	fmt.Printf("rotated: within a minute, new tokens are signed with version %s; existing tokens stay valid until they expire\n", aws.ToString(out.VersionId))
	return nil
}

// newValue returns more than 256 random bits, in letters and digits.
func newValue() string { return rand.Text() + rand.Text() + rand.Text() }

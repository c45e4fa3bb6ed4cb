// Command rotate gives the key that signs session tokens a new value. Sessions
// that are open stay valid: Secrets Manager keeps the value before, and it still
// opens what it has signed so far. A second rotation ends those, so leave more than an
// hour between two unless that is what you want.
//
//	rotate ARN     of the secret: the stack's output SessionKeyArn
//
// It finds Secrets Manager as every AWS command line does, by the environment.
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
		return errors.New("rotate: give the secret's ARN: make rotate-sessions SESSION_KEY=..., the stack's output SessionKeyArn")
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("rotate: the AWS settings of this shell: %w", err)
	}
	out, err := secretsmanager.NewFromConfig(settings).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(arguments[0]), SecretString: aws.String(newValue()),
	})
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	fmt.Printf("rotated: tokens are signed with version %s from a minute on; those that were signed before stay valid until they end\n", aws.ToString(out.VersionId))
	return nil
}

// newValue has 256 bits of chance and more, in letters and digits.
func newValue() string { return rand.Text() + rand.Text() + rand.Text() }

// Command infra is the CDK app: it synthesizes the platform described by package
// stack into the directory that the CDK command line sets.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"drawdown/infra/stack"
)

func main() {
	if err := synth(); err != nil {
		fmt.Fprintln(os.Stderr, "drawdown: cannot synthesize:", err)
		os.Exit(1)
	}
}

func synth() error {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	config, err := stack.ConfigFromContext(app.Node())
	if err != nil {
		return err
	}
	if _, err := stack.New(app, stack.Name, config); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}

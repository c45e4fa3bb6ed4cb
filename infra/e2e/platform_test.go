package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/infra/emulator"
	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
)

// What the Makefile says about where things are.
const (
	assemblyVariable = "DRAWDOWN_ASSEMBLY"
	dynamodbVariable = "DYNAMODB_LOCAL_DIR"
)

const (
	// maxProcesses lets as many callers in at once as the busiest test has.
	maxProcesses = 16
	// startLimit bounds the time until the platform answers; a busy machine may take a while.
	startLimit = 2 * time.Minute
	// leastRoutes is how many routes a loop over them goes over at least: one over nothing would pass.
	leastRoutes = 40
)

// What the tests share; set once, before the first of them.
var (
	platform  *emulator.Platform
	contract  *openAPI
	adminKey  string
	processor *stripe.Server // stands in for Stripe
	metrics   = &metricLog{}
	drifts    = &driftLog{}
	faults    = &emulator.StreamFaults{} // of the stream's deliveries; whoever makes some ends them
	answered  = &tally{}
	used      = &useLog{}

	stopEvents func() // ends the keeping of what is said on the bus
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	adminKey = "dk_e2e_" + strings.ToLower(rand.Text()+rand.Text())
	err := setUp()
	code := 1
	if err == nil {
		code = m.Run()
		whole := code == 0 && !isPartial()
		if whole {
			err = answered.checkAllRoutes()
		}
		err = errors.Join(err, used.check(whole), noteSessionKeys(context.Background()), keepStored(context.Background()))
		stopBrowser()
		stopEvents()
		err = errors.Join(err, tearDown(), checkLeaks(whole))
	} else if platform != nil {
		err = errors.Join(err, tearDown())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

// isPartial says whether some tests were left out on demand.
func isPartial() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return true
		}
	}
	return false
}

func setUp() error {
	assembly, dynamodb, err := places()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if processor, err = stripe.New(stripe.Options{WebhookURL: webhookURL, WebhookSecret: webhookSecret, Key: processorKey}); err != nil {
		return err
	}
	platform, err = emulator.Start(ctx, emulator.Options{
		Assembly:     assembly,
		DynamoDBDir:  dynamodb,
		MaxProcesses: maxProcesses,
		Parameters: map[string]string{
			"OperatorKey":  fmt.Sprintf("e2e:%x", sha256.Sum256([]byte(adminKey))),
			"StripeApiUrl": processor.URL(), "LocalWebhooks": "true",
		},
		Secrets:      map[string]string{"StripeKeys": fmt.Sprintf(`{"secret_key":%q,"webhook_secret":%q}`, processorKey, webhookSecret)},
		StreamFaults: faults,
		// News that came before what they rest on are to come again while a test waits for them.
		Waits: emulator.Waits{Redelivery: time.Second},
		Logs:  logLine,
		Uses:  used.add,
	})
	if err != nil {
		return err
	}
	stopEvents = keepEvents()
	noteGiven()
	if err := noteSessionKeys(ctx); err != nil {
		return err
	}
	webhooks := platform.URL() + httpapi.StripeWebhook.Path
	hooks.Store(&webhooks)
	if err := awaitHealth(ctx, platform.URL()); err != nil {
		return err
	}
	if contract, err = fetchContract(ctx); err != nil {
		return err
	}
	return publishFirstCard(ctx)
}

// The keys of the stand-in for Stripe.
const (
	processorKey  = "sk_test_e2e4eC39HqLyjWDarjtT1zdp7dc"
	webhookSecret = "whsec_e2eMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// hooks is where the stand-in tells of events, once the platform is there.
var hooks atomic.Pointer[string]

func webhookURL() string {
	if url := hooks.Load(); url != nil {
		return *url
	}
	return ""
}

// places are the folders of the assembly and of DynamoDB Local.
func places() (assembly, dynamodb string, err error) {
	find := func(variable string) (string, error) {
		dir := os.Getenv(variable)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return "", fmt.Errorf("%s=%q is no folder: run these tests with make test, which prepares it", variable, dir)
		}
		return dir, nil
	}
	assembly, err = find(assemblyVariable)
	dynamodb, other := find(dynamodbVariable)
	return assembly, dynamodb, errors.Join(err, other)
}

func awaitHealth(ctx context.Context, url string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close() // only its status is of interest
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(response.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the platform is not healthy: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tearDown stops the platform and sees that no process of it is left.
func tearDown() error {
	processor.Close()
	pids := platform.Processes()
	if len(pids) == 0 {
		return errors.New("the platform runs no process: there is nothing to see end")
	}
	if err := platform.Stop(context.Background()); err != nil {
		return err
	}
	for _, pid := range pids {
		if !ended(pid) {
			return fmt.Errorf("process %d has outlived the platform", pid)
		}
	}
	return nil
}

// tally counts good answers by route.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (t *tally) add(route string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == nil {
		t.count = map[string]int{}
	}
	t.count[route]++
}

func (t *tally) checkAllRoutes() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var missing []string
	if n := len(httpapi.Routes()); n < leastRoutes {
		return fmt.Errorf("there are %d routes: too few to have been tested", n)
	}
	for _, route := range httpapi.Routes() {
		if t.count[route.Key()] == 0 {
			missing = append(missing, route.Key())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no test has got a 2xx answer of %s", strings.Join(missing, ", "))
	}
	return nil
}

// metricLog adds up the metrics in the functions' log lines, which are in CloudWatch's embedded metric format.
type metricLog struct {
	mu   sync.Mutex
	sums map[string]float64 // by "function metric"
}

func (l *metricLog) add(function, line string) {
	if !strings.Contains(line, `"_aws"`) {
		return
	}
	var record struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace string
				Metrics   []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var values map[string]any
	if json.Unmarshal([]byte(line), &record) != nil || json.Unmarshal([]byte(line), &values) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sums == nil {
		l.sums = map[string]float64{}
	}
	for _, directive := range record.AWS.CloudWatchMetrics {
		for _, metric := range directive.Metrics {
			if value, ok := values[metric.Name].(float64); ok {
				l.sums[function[strings.LastIndex(function, "-")+1:]+" "+metric.Name] += value
			}
		}
	}
}

// sum is what a function has counted of a metric so far.
func (l *metricLog) sum(function, metric string) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sums[function+" "+metric]
}

// driftLog keeps the places of drift that audits have logged.
type driftLog struct {
	mu    sync.Mutex
	lines []driftLine
}

type driftLine struct {
	Msg     string `json:"msg"`
	Account string `json:"account"`
	Where   string `json:"where"`
	Ledger  string `json:"ledger"`
	Stored  string `json:"stored"`
}

func (l *driftLog) add(line string) {
	var logged driftLine
	if !strings.Contains(line, `"drift"`) || json.Unmarshal([]byte(line), &logged) != nil || logged.Msg != "drift" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, logged)
}

// of lists what was logged of an account so far, and how much of any.
func (l *driftLog) of(account string) (lines []driftLine, all int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if line.Account == account {
			lines = append(lines, line)
		}
	}
	return lines, len(l.lines)
}

package queues_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/queues"
)

// consumer is a function that fails on the messages that say so.
type consumer struct {
	t *testing.T

	mu       sync.Mutex
	batches  []events.SQSEvent
	times    []time.Time
	busy     int
	mostBusy int
	takes    time.Duration
	reports  bool
}

func (c *consumer) invoke(in function.Invocation) function.Result {
	var event events.SQSEvent
	if err := json.Unmarshal(in.Payload, &event); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	c.batches, c.times = append(c.batches, event), append(c.times, time.Now())
	c.busy++
	c.mostBusy = max(c.mostBusy, c.busy)
	c.mu.Unlock()
	time.Sleep(c.takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	failed := []string{}
	for _, r := range event.Records {
		switch r.Body {
		case "fail":
			failed = append(failed, fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageId))
		case "lie":
			failed = append(failed, `{"itemIdentifier":"none"}`)
		}
	}
	switch {
	case c.reports:
		return function.Result{Payload: []byte(`{"batchItemFailures":[` + strings.Join(failed, ",") + `]}`)}
	case len(failed) > 0:
		return function.Result{FunctionError: "Unhandled", Payload: []byte(`{}`)}
	}
	return function.Result{Payload: []byte("null")}
}

// bodies are those of each batch.
func (c *consumer) bodies() [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all [][]string
	for _, b := range c.batches {
		var bodies []string
		for _, r := range b.Records {
			bodies = append(bodies, r.Body)
		}
		all = append(all, bodies)
	}
	return all
}

// deliver maps a queue to the consumer for the time of a function.
func deliver(t *testing.T, q *queues.Queue, c *consumer, change func(*queues.MappingConfig), during func()) {
	t.Helper()
	c.t = t
	config := queues.MappingConfig{Queue: q, FunctionARN: "arn:consumer", Invoke: c.invoke, BatchSize: 10, Concurrency: 5, ReportsFailures: c.reports, Log: func(string) {}}
	if change != nil {
		change(&config)
	}
	m := queues.StartMapping(config)
	during()
	m.Stop()
	m.Wait()
}

func TestAMessageIsInTheShapeOfLambda(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, c := newQueue(name), &consumer{}
		id := q.Send(`{"a":"<ä>"}`, map[string]queues.Attribute{
			"kind": {DataType: "String", StringValue: "test"}, "bytes": {DataType: "Binary", BinaryValue: []byte{1}},
		})
		began := time.Now().UnixMilli()
		deliver(t, q, c, nil, func() { time.Sleep(time.Second) })
		if len(c.batches) != 1 || len(c.batches[0].Records) != 1 {
			t.Fatalf("delivered is %+v", c.batches)
		}
		r := c.batches[0].Records[0]
		if r.MessageId != id || r.ReceiptHandle == "" || r.Body != `{"a":"<ä>"}` || r.EventSource != "aws:sqs" || r.EventSourceARN != q.ARN() || r.AWSRegion != "us-east-1" || r.Md5OfBody == "" ||
			r.Attributes["ApproximateReceiveCount"] != "1" || r.Attributes["SentTimestamp"] != fmt.Sprint(began) ||
			*r.MessageAttributes["kind"].StringValue != "test" || !slices.Equal(r.MessageAttributes["bytes"].BinaryValue, []byte{1}) {
			t.Errorf("the record is %+v", r)
		}
		if left := q.Messages(); len(left) != 0 {
			t.Errorf("%v are left", left)
		}
	})
}

func TestBatchesAndWindows(t *testing.T) {
	for name, cs := range map[string]struct {
		window time.Duration
		size   int
		want   string
	}{
		"full batches first": {0, 4, "[[0 1 2 3] [4 5 6 7] [8 9]]"},
		"a window":           {5 * time.Second, 100, "[[0 1 2 3 4 5 6 7 8 9 later]]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, c := newQueue("q"), &consumer{}
				for n := range 10 {
					q.Send(fmt.Sprint(n), nil)
					time.Sleep(time.Millisecond)
				}
				deliver(t, q, c, func(config *queues.MappingConfig) {
					config.Window, config.BatchSize, config.Concurrency = cs.window, cs.size, 2
				}, func() {
					if cs.window > 0 {
						time.Sleep(time.Second)
						q.Send("later", nil)
					}
					time.Sleep(10 * time.Second)
				})
				got := c.bodies()
				slices.SortFunc(got, slices.Compare)
				if fmt.Sprint(got) != cs.want {
					t.Errorf("the batches are %v, want %s", got, cs.want)
				}
			})
		})
	}
}

func TestFailuresAreRedelivered(t *testing.T) {
	for name, cs := range map[string]struct {
		bodies     []string
		reports    bool
		redelivery time.Duration
		tries      map[string]int // deliveries of each body
		dead       string
		wait       time.Duration // between the deliveries
	}{
		"reported": {[]string{"a", "fail", "b"}, true, 0, map[string]int{"a": 1, "fail": 3, "b": 1}, "[fail]", 30 * time.Second},
		"failing":  {[]string{"a", "fail"}, false, time.Second, map[string]int{"a": 3, "fail": 3}, "[a fail]", time.Second},
		"unknown":  {[]string{"a", "lie"}, true, 0, map[string]int{"a": 3, "lie": 3}, "[a lie]", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, dead, c := newQueue("q"), newQueue("dead"), &consumer{reports: cs.reports}
				q.Redrive(dead, 3)
				for _, body := range cs.bodies {
					q.Send(body, nil)
				}
				deliver(t, q, c, func(config *queues.MappingConfig) { config.Redelivery = cs.redelivery }, func() { time.Sleep(5 * time.Minute) })
				tries := map[string]int{}
				for _, batch := range c.bodies() {
					for _, body := range batch {
						tries[body]++
					}
				}
				if fmt.Sprint(tries) != fmt.Sprint(cs.tries) {
					t.Errorf("the deliveries are %v, want %v", tries, cs.tries)
				}
				var ended []string
				for _, m := range dead.Messages() {
					ended = append(ended, m.Body)
				}
				if slices.Sort(ended); fmt.Sprint(ended) != cs.dead || len(q.Messages()) != 0 {
					t.Errorf("dead are %v, want %s; left are %v", ended, cs.dead, q.Messages())
				}
				if got := c.times[1].Sub(c.times[0]); got != cs.wait {
					t.Errorf("it is delivered again after %s, want %s", got, cs.wait)
				}
			})
		})
	}
}

func TestBatchesUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, c := newQueue(name), &consumer{takes: time.Second}
		for range 12 {
			q.Send("x", nil)
		}
		deliver(t, q, c, func(config *queues.MappingConfig) { config.BatchSize, config.Concurrency = 1, 3 }, func() { time.Sleep(time.Minute) })
		if c.mostBusy != 3 || len(c.batches) != 12 {
			t.Errorf("of %d batches up to %d are under way, want 3 of 12", len(c.batches), c.mostBusy)
		}
	})
}

func TestFilters(t *testing.T) {
	for filter, want := range map[string]string{
		`{"body":{"kind":["a"]}}`: "[[" + `{"kind":"a"}` + "]]",
		`{"body":["text"]}`:       "[[text]]",
		`{"body":[{"prefix":"te"}],"attributes":{"SenderId":["x"]}}`:        "[]",
		`{"messageAttributes":{"kind":{"stringValue":["test"]}}}`:           "[[text]]",
		`{"body":{"kind":[{"exists":false}]},"eventSource":["aws:sqs"]}`:    "[[" + `{"other":1}` + "]]",
		`{"eventSource":["aws:sqs"]}`:                                       "[[text " + `{"kind":"a"} {"other":1}` + "]]",
		`{"body":{"$or":[{"kind":["a"]},{"other":[{"numeric":[">",0]}]}]}}`: "[[" + `{"kind":"a"} {"other":1}` + "]]",
	} {
		synctest.Test(t, func(t *testing.T) {
			q, c := newQueue(name), &consumer{}
			q.Send("text", map[string]queues.Attribute{"kind": {DataType: "String", StringValue: "test"}})
			q.Send(`{"kind":"a"}`, nil)
			q.Send(`{"other":1}`, nil)
			p, err := pattern.Parse([]byte(filter))
			check(t, err)
			deliver(t, q, c, func(config *queues.MappingConfig) { config.Filters = []*pattern.Pattern{p} }, func() { time.Sleep(time.Second) })
			if got := fmt.Sprint(c.bodies()); got != want {
				t.Errorf("%s lets pass %s, want %s", filter, got, want)
			}
			if left := q.Messages(); len(left) != 0 {
				t.Errorf("%s leaves %v", filter, left)
			}
		})
	}
}

func TestWhatIsUnderWayWhenTheMappingStopsIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, c := newQueue(name), &consumer{}
		q.Send("x", nil)
		deliver(t, q, c, func(config *queues.MappingConfig) { config.Window = time.Minute }, func() { time.Sleep(time.Second) })
		now, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if got := q.Receive(now, 1, 0); len(c.batches) != 0 || len(got) != 1 {
			t.Errorf("after %d deliveries there is %v", len(c.batches), got)
		}
	})
}

package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/pattern"
)

const name = "things"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lines is what is logged or delivered.
type lines struct {
	mu   sync.Mutex
	all  []string
	when []time.Time
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.when = append(l.all, line), append(l.when, time.Now())
}

func (l *lines) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// last is when the last line came.
func (l *lines) last() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.when[len(l.when)-1]
}

func (l *lines) target(arn string) bus.Target {
	return bus.Target{ARN: arn, MaxRetries: bus.MaxRetries, MaxAge: bus.MaxAge, Deliver: func(event []byte) error {
		l.add(string(event))
		return nil
	}}
}

// newStore is a store with one bus and a rule of it.
func newStore(t *testing.T, faults *bus.Faults, log *lines, pat string, targets ...bus.Target) *bus.Store {
	t.Helper()
	s := bus.New(faults, log.add)
	if !s.Create(name) || s.Create(name) || s.Create(bus.Default) {
		t.Fatal("a name can be taken once")
	}
	p, err := pattern.Parse([]byte(pat))
	check(t, err)
	if !s.AddRule(name, bus.Rule{ARN: "arn:rule", Pattern: p, Targets: targets}) || s.AddRule("other", bus.Rule{}) {
		t.Fatal("a rule is added to a bus that is there")
	}
	return s
}

// open serves a store to the SDK's client.
func open(t *testing.T, s *bus.Store) *eventbridge.Client {
	t.Helper()
	server := httptest.NewServer(awsjson.Server{s.Service()})
	t.Cleanup(s.Stop)
	t.Cleanup(server.Close)
	return eventbridge.New(eventbridge.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	})
}

func entry(detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{
		EventBusName: aws.String(name), Source: aws.String("drawdown"), DetailType: aws.String("test"), Detail: aws.String(detail),
	}
}

func put(t *testing.T, client *eventbridge.Client, entries ...types.PutEventsRequestEntry) *eventbridge.PutEventsOutput {
	t.Helper()
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	check(t, err)
	return out
}

func code(err error) string {
	if e := smithy.APIError(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s does not come", what)
}

func TestAnEventReachesTheTargetsOfItsRules(t *testing.T) {
	got, log := &lines{}, &lines{}
	part, fixed := got.target("arn:part"), got.target("arn:fixed")
	part.InputPath, fixed.Input = []string{"detail", "a"}, []byte(`"fixed"`)
	s := newStore(t, nil, log, `{"source":["drawdown"],"detail":{"n":[1]}}`, got.target("arn:all"), part, fixed)
	client := open(t, s)
	seen, cancel := s.Subscribe(10)
	at := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	one := entry(`{"n":1,"a":{"b":[2]}}`)
	one.Time, one.Resources, one.EventBusName = &at, []string{"arn:x"}, aws.String(bus.ARN(name))
	elsewhere := entry(`{"n":1}`)
	elsewhere.EventBusName = nil
	out := put(t, client, one, entry(`{"n":2}`), elsewhere)
	if out.FailedEntryCount != 0 || len(out.Entries) != 3 {
		t.Fatalf("the answer is %+v", out)
	}
	await(t, "the event", func() bool { return len(got.list()) == 3 })
	texts := got.list()
	slices.SortFunc(texts, func(a, b string) int { return len(a) - len(b) })
	if texts[0] != `"fixed"` || texts[1] != `{"b":[2]}` {
		t.Errorf("delivered are %q", texts)
	}
	var event map[string]any
	check(t, json.Unmarshal([]byte(texts[2]), &event))
	want := map[string]any{
		"version": "0", "id": aws.ToString(out.Entries[0].EventId), "detail-type": "test", "source": "drawdown", "account": "000000000000",
		"time": "2026-11-24T09:30:00Z", "region": "us-east-1", "resources": []any{"arn:x"}, "detail": map[string]any{"n": 1.0, "a": map[string]any{"b": []any{2.0}}},
	}
	if !reflect.DeepEqual(event, want) {
		t.Errorf("the event is %v, want %v", event, want)
	}
	events := s.Events()
	if len(events) != 3 || events[0].Bus != name || events[1].Bus != name || events[2].Bus != bus.Default || string(events[1].Detail) != `{"n":2}` {
		t.Errorf("remembered are %+v", events)
	}
	for n := range 3 {
		if e := <-seen; e.ID != events[n].ID {
			t.Errorf("the subscriber got %+v", e)
		}
	}
	cancel()
	cancel()
	if _, ok := <-seen; ok {
		t.Error("the channel is open")
	}
}

func TestEntriesFailByThemselves(t *testing.T) {
	log, faults := &lines{}, &bus.Faults{}
	s := newStore(t, faults, log, `{"source":["drawdown"]}`)
	client := open(t, s)
	nameless, sourceless, aws1 := entry(`{}`), entry(`{}`), entry(`{}`)
	nameless.DetailType, sourceless.Source, aws1.Source = aws.String(""), nil, aws.String("aws.s3")
	out := put(t, client, entry(`{}`), entry(`[]`), entry(`{`), entry(``), nameless, sourceless, aws1, entry(`{"n":1}`))
	want := []string{"", "MalformedDetail", "MalformedDetail", "InvalidArgument", "InvalidArgument", "InvalidArgument", "NotAuthorizedForSource", ""}
	var got []string
	for _, e := range out.Entries {
		got = append(got, aws.ToString(e.ErrorCode))
		if (e.EventId == nil) != (e.ErrorCode != nil) {
			t.Errorf("the entry is %+v", e)
		}
	}
	if !slices.Equal(got, want) || out.FailedEntryCount != 6 || len(s.Events()) != 2 {
		t.Errorf("the codes are %q, failed are %d, put are %v", got, out.FailedEntryCount, s.Events())
	}
	faults.FailEntries.Store(1)
	out = put(t, client, entry(`{}`), entry(`{}`))
	if out.FailedEntryCount != 1 || aws.ToString(out.Entries[0].ErrorCode) != "InternalFailure" || out.Entries[1].EventId == nil {
		t.Errorf("the answer is %+v", out)
	}
	faults.RefuseRequests.Store(1)
	if _, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry(`{}`)}}); code(err) != "ThrottlingException" {
		t.Errorf("a request that is refused: %v", err)
	}
	put(t, client, entry(`{}`))
}

func TestRequestsThatAreTooLarge(t *testing.T) {
	log := &lines{}
	client := open(t, newStore(t, nil, log, `{"source":["drawdown"]}`))
	sized := func(n int) types.PutEventsRequestEntry {
		rest := len("drawdown") + len("test") + len(`{"a":""}`)
		return entry(`{"a":"` + strings.Repeat("x", n-rest) + `"}`)
	}
	for _, c := range []struct {
		entries []types.PutEventsRequestEntry
		want    string
	}{
		{[]types.PutEventsRequestEntry{sized(256 << 10)}, "<nil>"},
		{[]types.PutEventsRequestEntry{sized(256<<10 + 1)}, "ValidationException"},
		{[]types.PutEventsRequestEntry{sized(128 << 10), sized(128<<10 + 1)}, "ValidationException"},
		{slices.Repeat([]types.PutEventsRequestEntry{sized(100)}, 10), "<nil>"},
		{slices.Repeat([]types.PutEventsRequestEntry{sized(100)}, 11), "ValidationException"},
		{[]types.PutEventsRequestEntry{}, "ValidationException"},
	} {
		if _, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: c.entries}); code(err) != c.want {
			t.Errorf("of %d entries: got %v, want %s", len(c.entries), err, c.want)
		}
	}
}

func TestAnEventForNoBusIsTakenAndLost(t *testing.T) {
	log := &lines{}
	s := newStore(t, nil, log, `{"source":["drawdown"]}`)
	lost := entry(`{}`)
	lost.EventBusName = aws.String("other")
	out := put(t, open(t, s), lost)
	if out.FailedEntryCount != 0 || out.Entries[0].EventId == nil || len(s.Events()) != 0 {
		t.Errorf("the answer is %+v, put are %v", out, s.Events())
	}
	if got := strings.Join(log.list(), "\n"); !strings.Contains(got, `is lost: there is no bus "other"`) {
		t.Errorf("logged is %q", got)
	}
}

func event(n int) bus.Event {
	return bus.Event{Bus: name, Source: "drawdown", DetailType: "test", Detail: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func TestDeliveriesAreRetriedAndGivenUp(t *testing.T) {
	for want, c := range map[string]struct {
		retries, failures int
		age               time.Duration
		tries             int
	}{
		"":                         {3, 3, bus.MaxAge, 4},
		"MaximumRetryAttempts":     {3, 4, bus.MaxAge, 4},
		"MaximumEventAgeInSeconds": {bus.MaxRetries, 1000, time.Minute, 17},
	} {
		synctest.Test(t, func(t *testing.T) {
			tries, log, dead := 0, &lines{}, &lines{}
			var told map[string]string
			s := newStore(t, nil, log, `{"source":["drawdown"]}`, bus.Target{
				ARN: "arn:target", MaxRetries: c.retries, MaxAge: c.age,
				Deliver: func([]byte) error {
					if tries++; tries <= c.failures {
						return errors.New("no")
					}
					return nil
				},
				DeadLetter: func(event []byte, attributes map[string]string) {
					dead.add(string(event))
					told = attributes
				},
			})
			s.Put(event(1))
			time.Sleep(time.Hour)
			s.Stop()
			if tries != c.tries {
				t.Errorf("%q: it is tried %d times, want %d", want, tries, c.tries)
			}
			if want == "" {
				if len(dead.list()) != 0 {
					t.Errorf("dead are %q", dead.list())
				}
				return
			}
			wanted := map[string]string{
				"RULE_ARN": "arn:rule", "TARGET_ARN": "arn:target", "ERROR_CODE": "ERROR_FROM_TARGET", "ERROR_MESSAGE": "no",
				"EXHAUSTED_RETRY_CONDITION": want, "RETRY_ATTEMPTS": fmt.Sprint(c.tries - 1),
			}
			if got := dead.list(); len(got) != 1 || !strings.Contains(got[0], `"detail":{"n":1}`) || !reflect.DeepEqual(told, wanted) {
				t.Errorf("dead are %q, told is %v, want %v", got, told, wanted)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults, got, log := &bus.Faults{}, &lines{}, &lines{}
		s := newStore(t, faults, log, `{"source":["drawdown"]}`, got.target("arn:target"))
		faults.Duplicate.Store(true)
		s.Put(event(1))
		faults.Duplicate.Store(false)
		synctest.Wait()
		if list := got.list(); len(list) != 2 || list[0] != list[1] {
			t.Errorf("delivered twice is %q", list)
		}
		faults.FailDeliveries.Store(2)
		began := time.Now()
		s.Put(event(2))
		time.Sleep(time.Minute)
		if took := got.last().Sub(began); len(got.list()) != 3 || took != 300*time.Millisecond {
			t.Errorf("after two failures there are %d deliveries, the last after %s", len(got.list()), took)
		}
		faults.Hold()
		faults.Hold()
		s.Put(event(3))
		time.Sleep(time.Hour)
		if len(got.list()) != 3 {
			t.Error("a delivery is not held back")
		}
		faults.Release()
		faults.Release()
		synctest.Wait()
		if len(got.list()) != 4 {
			t.Error("a delivery is not released")
		}
		faults.Delay.Store(int64(time.Minute))
		for n := range 20 {
			s.Put(event(100 + n))
		}
		time.Sleep(time.Minute)
		s.Stop()
		var order []string
		for _, line := range got.list()[4:] {
			_, detail, _ := strings.Cut(line, `"n":`)
			order = append(order, detail)
		}
		if len(order) != 20 || slices.IsSorted(order) {
			t.Errorf("delivered in their order are %q", order)
		}
	})
}

func TestStopLetsNothingBegin(t *testing.T) {
	faults, got, log := &bus.Faults{}, &lines{}, &lines{}
	s := newStore(t, faults, log, `{"source":["drawdown"]}`, got.target("arn:target"))
	faults.Hold()
	s.Put(event(1))
	s.Stop()
	s.Stop()
	faults.Release()
	s.Put(event(2))
	if list := got.list(); len(list) != 0 {
		t.Errorf("delivered is %q", list)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	log := &lines{}
	s := newStore(t, nil, log, `{"source":["other"]}`)
	for n := range 10_003 {
		s.Put(event(n))
	}
	if events := s.Events(); len(events) != 10_000 || string(events[0].Detail) != `{"n":3}` || string(events[9_999].Detail) != `{"n":10002}` {
		t.Errorf("%d events are remembered", len(events))
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{"$": "[]", "$.detail": "[detail]", "$.detail.a_b": "[detail a_b]"} {
		if got, err := bus.ParsePath(path); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s is %v, %v", path, got, err)
		}
	}
	for _, path := range []string{"", "detail", "$detail", "$.", "$.a..b", "$.a.", "$.a[0]", "$..a", "$.*"} {
		if got, err := bus.ParsePath(path); err == nil {
			t.Errorf("%q is read as %v", path, got)
		}
	}
}

package stream_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/stream"
)

func count(batches []batch) int {
	n := 0
	for _, b := range batches {
		n += len(b.items)
	}
	return n
}

func TestLanesKeepTheOrderOfEachKey(t *testing.T) {
	const keys, writes = 12, 20
	tb, c := newTable(t), newConsumer(t)
	c.slow = 5 * time.Millisecond
	write := func(from, to int) {
		var writers sync.WaitGroup
		for k := range keys {
			writers.Go(func() {
				for n := from; n < to; n++ {
					tb.put(fmt.Sprintf("k%02d-", k), n)
				}
			})
		}
		writers.Wait()
	}
	write(0, writes/2) // from the trim horizon on
	deliver(tb, c, func(config *stream.Config) { config.Lanes, config.BatchSize = 4, 7 })
	write(writes/2, writes)
	batches := c.await("every record", func(batches []batch) bool { return count(batches) >= keys*writes })
	got, parallel := map[string][]string{}, 0
	for _, b := range batches {
		parallel = max(parallel, b.sooner+1)
		if len(b.items) > 7 {
			t.Errorf("a batch has %d records", len(b.items))
		}
		for _, item := range b.items {
			key, n, _ := strings.Cut(item, "-")
			got[key] = append(got[key], n)
		}
	}
	var want []string
	for n := range writes {
		want = append(want, fmt.Sprint(n))
	}
	for key, numbers := range got {
		if !slices.Equal(numbers, want) {
			t.Errorf("%s comes as %v", key, numbers)
		}
	}
	if len(got) != keys || parallel < 2 || parallel > 4 {
		t.Errorf("%d keys, up to %d batches at a time", len(got), parallel)
	}
}

func TestWhereItStartsAndHowSoonARecordComes(t *testing.T) {
	tb, c := newTable(t), newConsumer(t)
	tb.put("old", 1)
	deliver(tb, c, func(config *stream.Config) { config.FromStart = false })
	time.Sleep(500 * time.Millisecond)
	began := time.Now()
	tb.put("new", 1)
	batches := c.await("the new record", func(batches []batch) bool { return len(batches) > 0 })
	if got := all(batches); !reflect.DeepEqual(got, [][]string{{"new1"}}) {
		t.Errorf("what comes is %v", got)
	}
	if took := batches[0].at.Sub(began); took > time.Second {
		t.Errorf("it takes %s", took)
	} else {
		t.Logf("it takes %s", took)
	}
}

func TestAWindowGathersABatch(t *testing.T) {
	tb, c := newTable(t), newConsumer(t)
	deliver(tb, c, func(config *stream.Config) { config.Window, config.BatchSize = 1500*time.Millisecond, 4 })
	for n := range 3 {
		tb.put("a", n)
		time.Sleep(150 * time.Millisecond)
	}
	first := c.await("the window's end", func(batches []batch) bool { return len(batches) > 0 })
	for n := range 4 {
		tb.put("b", n)
	}
	began := time.Now()
	batches := c.await("a full batch", func(batches []batch) bool { return len(batches) > 1 })
	if got := all(batches); !reflect.DeepEqual(got, [][]string{{"a0", "a1", "a2"}, {"b0", "b1", "b2", "b3"}}) {
		t.Errorf("the batches are %v", got)
	}
	if batches[1].at.Sub(began) > time.Second {
		t.Errorf("a full batch waits for %s", batches[1].at.Sub(first[0].at))
	}
}

func TestARecordIsInTheShapeOfLambda(t *testing.T) {
	tb, c := newTable(t), newConsumer(t)
	deliver(tb, c, nil)
	blob := []byte{0, 255}
	everything := map[string]types.AttributeValue{
		"b": &types.AttributeValueMemberB{Value: blob}, "yes": &types.AttributeValueMemberBOOL{Value: true},
		"none": &types.AttributeValueMemberNULL{Value: true}, "ss": &types.AttributeValueMemberSS{Value: []string{"x"}},
		"ns": &types.AttributeValueMemberNS{Value: []string{"1"}}, "bs": &types.AttributeValueMemberBS{Value: [][]byte{blob}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberN{Value: "12345678901234567890.5"}}},
		}},
	}
	tb.put("a", 1, everything)
	tb.put("a", 2)
	_, err := tb.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(tb.name), Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "a"}},
	})
	check(t, err)
	batches := c.await("all three", func(batches []batch) bool { return count(batches) == 3 })
	records := batches[0].event.Records
	for _, b := range batches[1:] {
		records = append(records, b.event.Records...)
	}
	for i, name := range []string{"INSERT", "MODIFY", "REMOVE"} {
		r := records[i]
		created := r.Change.ApproximateCreationDateTime.Time
		if r.EventName != name || r.EventID == "" || r.EventVersion == "" || r.EventSource != "aws:dynamodb" || r.AWSRegion != "us-east-1" ||
			r.EventSourceArn != tb.arn || r.Change.SequenceNumber == "" || r.Change.StreamViewType != "NEW_AND_OLD_IMAGES" ||
			r.Change.SizeBytes == 0 || time.Since(created).Abs() > 10*time.Second || r.Change.Keys["pk"].String() != "a" {
			t.Errorf("the record %d is %+v", i, r)
		}
		if (r.Change.OldImage == nil) != (i == 0) || (r.Change.NewImage == nil) != (i == 2) {
			t.Errorf("the images of record %d are %v, %v", i, r.Change.OldImage, r.Change.NewImage)
		}
	}
	image := records[0].Change.NewImage
	got := fmt.Sprintln(hex.EncodeToString(image["b"].Binary()), image["yes"].Boolean(), image["none"].IsNull(), image["ss"].StringSet(), image["ns"].NumberSet(),
		image["bs"].BinarySet(), image["m"].Map()["l"].List()[0].Number())
	if want := "00ff true true [x] [1] [[0 255]] 12345678901234567890.5\n"; got != want {
		t.Errorf("the attributes are %s, want %s", got, want)
	}
}

// kept takes what mappings give up on.
type kept struct {
	mu      sync.Mutex
	keys    []string
	objects []failure
}

type failure struct {
	RequestContext struct {
		RequestID, FunctionArn, Condition string
		ApproximateInvokeCount            int
	}
	ResponseContext *struct {
		StatusCode                     int
		ExecutedVersion, FunctionError string
	}
	Version            string
	Timestamp          time.Time
	DDBStreamBatchInfo struct {
		ShardID, StartSequenceNumber, EndSequenceNumber, StreamArn string
		ApproximateArrivalOfFirstRecord                            time.Time
		ApproximateArrivalOfLastRecord                             time.Time
		BatchSize                                                  int
	}
	Payload string
}

func (k *kept) discard(t *testing.T) func(string, []byte) {
	return func(key string, object []byte) {
		var f failure
		if err := json.Unmarshal(object, &f); err != nil {
			t.Errorf("%v: %s", err, object)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.keys, k.objects = append(k.keys, key), append(k.objects, f)
	}
}

func (k *kept) await(t *testing.T, n int) []failure {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		k.mu.Lock()
		objects := slices.Clone(k.objects)
		k.mu.Unlock()
		if len(objects) >= n {
			return objects
		}
	}
	t.Fatalf("%d failures are not kept", n)
	return nil
}

func TestRetriesEndInTheBucket(t *testing.T) {
	tb, c, k := newTable(t), newConsumer(t), &kept{}
	c.answer = func(b batch) function.Result {
		if b.items[0] == "bad0" {
			return broken
		}
		return function.Result{}
	}
	for n := range 3 {
		tb.put("bad", n)
	}
	deliver(tb, c, func(config *stream.Config) { config.MaxRetries, config.BatchSize, config.Discard = 2, 3, k.discard(t) })
	f := k.await(t, 1)[0]
	tb.put("good", 0)
	batches := c.await("what comes after", func(batches []batch) bool { return len(batches) > 3 })
	bad := []string{"bad0", "bad1", "bad2"}
	if got := all(batches); !reflect.DeepEqual(got, [][]string{bad, bad, bad, {"good0"}}) {
		t.Errorf("the batches are %v", got)
	}
	if gaps := []time.Duration{batches[1].at.Sub(batches[0].at), batches[2].at.Sub(batches[1].at)}; gaps[0] < 100*time.Millisecond || gaps[1] < 200*time.Millisecond {
		t.Errorf("it waits for %v", gaps)
	}
	info := f.DDBStreamBatchInfo
	day := f.Timestamp.Format("2006/01/02/2006-01-02T")
	if prefix := "aws/lambda/00000000-0000-4000-8000-000000000000/" + info.ShardID + "/" + day; !strings.HasPrefix(k.keys[0], prefix) {
		t.Errorf("the key is %s, not %s...", k.keys[0], prefix)
	}
	if f.RequestContext.Condition != "RetryAttemptsExhausted" || f.RequestContext.ApproximateInvokeCount != 3 || f.RequestContext.RequestID != "request-3" ||
		!strings.HasSuffix(f.RequestContext.FunctionArn, ":consumer") || f.ResponseContext == nil || f.ResponseContext.FunctionError != "Unhandled" ||
		f.ResponseContext.StatusCode != http.StatusOK || f.ResponseContext.ExecutedVersion != "$LATEST" || f.Version != "1.0" {
		t.Errorf("the failure is %+v", f)
	}
	if info.BatchSize != 3 || info.StartSequenceNumber != batches[0].sequence(0) || info.EndSequenceNumber != batches[0].sequence(2) || info.StreamArn != tb.arn ||
		time.Since(info.ApproximateArrivalOfFirstRecord).Abs() > 10*time.Second || time.Since(info.ApproximateArrivalOfLastRecord).Abs() > 10*time.Second {
		t.Errorf("the batch is %+v", info)
	}
	again := newConsumer(t)
	again.invoke(function.Invocation{Payload: []byte(f.Payload)})
	if got := all(again.batches); !reflect.DeepEqual(got, [][]string{bad}) {
		t.Errorf("the payload holds %v", got)
	}
}

func TestARecordGrowsTooOld(t *testing.T) {
	tb, c, k, faults := newTable(t), newConsumer(t), &kept{}, &stream.Faults{}
	c.answer = func(batch) function.Result { return broken }
	deliver(tb, c, func(config *stream.Config) {
		config.MaxAge, config.Discard, config.Faults = 700*time.Millisecond, k.discard(t), faults
	})
	tb.put("a", 1)
	f := k.await(t, 1)[0]
	if f.RequestContext.Condition != "RecordAgeExceeded" || f.RequestContext.ApproximateInvokeCount < 2 || f.ResponseContext == nil {
		t.Errorf("the failure is %+v", f)
	}
	faults.Hold()
	tb.put("b", 1)
	time.Sleep(1200 * time.Millisecond)
	faults.Release()
	f = k.await(t, 2)[1]
	if f.RequestContext.ApproximateInvokeCount != 0 || f.RequestContext.RequestID == "" || f.ResponseContext != nil || f.Payload == "" {
		t.Errorf("the failure of what was never delivered is %+v", f)
	}
}

func TestPartialFailures(t *testing.T) {
	whole := []string{"a0", "a1", "a2", "a3"}
	raw := func(answer string) func(batch) function.Result {
		return func(batch) function.Result { return function.Result{Payload: []byte(answer)} }
	}
	for name, c := range map[string]struct {
		first func(b batch) function.Result
		again []string // nil if all is well
	}{
		"lowest":       {func(b batch) function.Result { return failedItems(b.sequence(3), b.sequence(2)) }, whole[2:]},
		"first":        {func(b batch) function.Result { return failedItems(b.sequence(0)) }, whole},
		"unknown":      {func(b batch) function.Result { return failedItems(b.sequence(2), "1") }, whole},
		"event id":     {func(b batch) function.Result { return failedItems(b.event.Records[2].EventID) }, whole},
		"empty id":     {func(batch) function.Result { return failedItems("") }, whole},
		"null id":      {raw(`{"batchItemFailures":[{"itemIdentifier":null}]}`), whole},
		"other member": {raw(`{"batchItemFailures":[{"id":"1"}]}`), whole},
		"no list":      {raw(`{"batchItemFailures":"all"}`), whole},
		"text":         {raw(`"done"`), whole},
		"error":        {func(batch) function.Result { return broken }, whole},
		"none":         {func(batch) function.Result { return failedItems() }, nil},
		"null list":    {raw(`{"batchItemFailures":null}`), nil},
		"empty":        {raw(`{}`), nil},
		"null":         {raw(`null`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb, f := newTable(t), newConsumer(t)
			failed := false
			f.answer = func(b batch) function.Result {
				if failed {
					return function.Result{}
				}
				failed = true
				return c.first(b)
			}
			for n := range 4 {
				tb.put("a", n)
			}
			deliver(tb, f, func(config *stream.Config) { config.ReportsFailures = true })
			want := [][]string{whole}
			if c.again != nil {
				want = append(want, c.again)
			}
			if got := all(f.settled(len(want))); !reflect.DeepEqual(got, want) {
				t.Errorf("the batches are %v, want %v", got, want)
			}
		})
	}
}

func TestBisectingIsolatesAPoisonRecord(t *testing.T) {
	for name, reports := range map[string]bool{"errors": false, "reported": true} {
		t.Run(name, func(t *testing.T) {
			tb, c, k := newTable(t), newConsumer(t), &kept{}
			c.answer = func(b batch) function.Result {
				n := slices.Index(b.items, "a5")
				switch {
				case n < 0:
					return function.Result{}
				case reports:
					return failedItems(b.sequence(n))
				}
				return broken
			}
			for n := range 8 {
				tb.put("a", n)
			}
			deliver(tb, c, func(config *stream.Config) {
				config.Bisect, config.ReportsFailures, config.MaxRetries, config.Discard = true, reports, 1, k.discard(t)
			})
			k.await(t, 1)
			got := map[string]bool{}
			for _, b := range c.settled(5) {
				if !slices.Contains(b.items, "a5") {
					for _, item := range b.items {
						if got[item] {
							t.Errorf("%s comes again after it was dealt with", item)
						}
						got[item] = true
					}
				}
			}
			failures := k.await(t, 1)
			if len(failures) != 1 || failures[0].DDBStreamBatchInfo.BatchSize != 1 || !strings.Contains(failures[0].Payload, `"n":{"N":"5"}`) {
				t.Errorf("given up are %+v", failures)
			}
			// What was before a reported record is dealt with, though it shared a batch with it.
			if want := 7; !reports && len(got) != want || reports && len(got) != 2 {
				t.Errorf("delivered without it are %v; batches %v", got, all(c.batches))
			}
		})
	}
}

func TestFaults(t *testing.T) {
	tb, c, faults := newTable(t), newConsumer(t), &stream.Faults{}
	deliver(tb, c, func(config *stream.Config) { config.Faults, config.MaxRetries = faults, 3 })
	seen := 0
	expect := func(what string, want ...string) {
		t.Helper()
		batches := c.settled(seen + len(want))
		var got []string
		for _, b := range batches[seen:] {
			got = append(got, strings.Join(b.items, " "))
		}
		seen = len(batches)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the batches are %q, want %q", what, got, want)
		}
	}
	faults.Duplicate.Store(true)
	tb.put("a", 1)
	expect("twice", "a1", "a1")
	faults.Duplicate.Store(false)
	faults.DropAnswers.Store(2)
	tb.put("a", 2)
	expect("lost answers", "a2", "a2", "a2")
	faults.DropBatches.Store(1)
	tb.put("a", 3)
	expect("lost batch")
	faults.Hold()
	tb.put("a", 4)
	expect("held back")
	faults.Release()
	expect("released", "a4")
	faults.Shuffle.Store(true)
	faults.Hold()
	tb.put("a", 5)
	time.Sleep(200 * time.Millisecond) // a batch of its own, so that the next ones wait and come together
	for n := range 4 {
		for _, key := range []string{"a", "b", "c", "d"} {
			tb.put(key, 10+n)
		}
	}
	time.Sleep(200 * time.Millisecond)
	faults.Release()
	batches := c.settled(seen + 2)
	last := batches[len(batches)-1]
	order := map[string]string{}
	for _, item := range last.items {
		order[item[:1]] += item[1:]
	}
	for _, key := range []string{"a", "b", "c", "d"} {
		if order[key] != "10111213" {
			t.Errorf("shuffled, %s comes as %s", key, order[key])
		}
	}
	if len(last.items) != 16 || slices.Equal(last.items[:4], []string{"a10", "b10", "c10", "d10"}) && slices.Equal(last.items[4:8], []string{"a11", "b11", "c11", "d11"}) {
		t.Errorf("nothing is shuffled: %v", last.items)
	}
}

func TestAStreamThatEndsIsDeliveredToItsEnd(t *testing.T) {
	tb, c := newTable(t), newConsumer(t)
	for n := range 5 {
		tb.put("a", n)
	}
	_, err := tb.client.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
		TableName: aws.String(tb.name), StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)},
	})
	check(t, err)
	deliver(tb, c, func(config *stream.Config) { config.BatchSize, config.Window = 3, 300*time.Millisecond })
	if got := all(c.settled(2)); !reflect.DeepEqual(got, [][]string{{"a0", "a1", "a2"}, {"a3", "a4"}}) {
		t.Errorf("the batches are %v", got)
	}
}

func TestStopLetsNothingBegin(t *testing.T) {
	tb, c := newTable(t), newConsumer(t)
	c.slow = 300 * time.Millisecond
	m := deliver(tb, c, func(config *stream.Config) { config.BatchSize = 1 })
	for n := range 5 {
		tb.put("a", n)
	}
	c.await("the first", func(batches []batch) bool { return len(batches) == 1 })
	m.Stop()
	m.Wait()
	if c.running != 0 || len(c.batches) != 1 {
		t.Errorf("%d are running and %d came", c.running, len(c.batches))
	}
}

func TestTwoMappingsOnOneStream(t *testing.T) {
	tb := newTable(t)
	failing, steady, filtered := newConsumer(t), newConsumer(t), newConsumer(t)
	failing.answer = func(batch) function.Result { return function.Result{FunctionError: "Unhandled"} }
	deliver(tb, failing, nil)
	deliver(tb, steady, nil)
	p, err := pattern.Parse([]byte(`{"eventName":["INSERT"],"dynamodb":{"NewImage":{"n":{"N":["1","3"]}}}}`))
	check(t, err)
	deliver(tb, filtered, func(c *stream.Config) { c.Filters, c.BatchSize = []*pattern.Pattern{p}, 1 })
	for n := range 5 {
		tb.put(fmt.Sprintf("k%d", n), n)
	}
	// One that fails for ever holds up nobody else.
	steady.await("all records", func(batches []batch) bool { return count(batches) == 5 })
	failing.await("tries of the one that fails", func(batches []batch) bool { return len(batches) > 1 })
	got := filtered.await("the records that match", func(batches []batch) bool { return count(batches) == 2 })
	if !got[0].keys()["k1"] || !got[1].keys()["k3"] || count(filtered.settled(2)) != 2 {
		t.Errorf("delivered are %v", all(got))
	}
}

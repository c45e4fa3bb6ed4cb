package function

import (
	"encoding/json"
	"time"
)

// DefaultRetryWaits are the waits before the second and the third attempt of an asynchronous invocation. Lambda waits
// for one minute and for two: here a second stands for a minute.
var DefaultRetryWaits = []time.Duration{time.Second, 2 * time.Second}

// MaxEventAge is the longest that Lambda keeps an asynchronous invocation.
const MaxEventAge = 6 * time.Hour

// Async is how asynchronous invocations are retried.
type Async struct {
	Retries    int             // after the first try, as many as there are waits at most
	RetryWaits []time.Duration // before each retry
	MaxAge     time.Duration   // of an invocation that is still tried
	// OnFailure receives the record of an invocation that failed for good; nil
	// to discard it.
	OnFailure func(record []byte)
}

// DefaultAsync returns Lambda's defaults.
func DefaultAsync(waits []time.Duration) Async {
	if waits == nil {
		waits = DefaultRetryWaits
	}
	return Async{Retries: len(waits), RetryWaits: waits, MaxAge: MaxEventAge}
}

// SetAsync changes how asynchronous invocations that start from now on are
// retried.
func (f *Function) SetAsync(a Async) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.async = a
}

// Timeout returns how long an invocation may take.
func (f *Function) Timeout() time.Duration { return f.config.Timeout }

// Why an invocation is given up, in Lambda's terms.
const (
	retriesExhausted = "RetriesExhausted"
	eventAgeExceeded = "EventAgeExceeded"
)

// InvokeAsync runs one event in the background. As Lambda does, it retries if the function fails.
func (f *Function) InvokeAsync(in Invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	async := f.async
	f.pending.Go(func() { f.try(in, async) })
}

func (f *Function) try(in Invocation, async Async) {
	began, id := time.Now(), NewRequestID()
	for tries := 1; ; tries++ {
		result := f.Invoke(in)
		if result.FunctionError == "" || f.stopping.Err() != nil {
			return
		}
		condition := ""
		switch {
		case tries > async.Retries || tries > len(async.RetryWaits):
			condition = retriesExhausted
		case time.Since(began)+async.RetryWaits[tries-1] > async.MaxAge:
			condition = eventAgeExceeded
		}
		if condition != "" {
			f.giveUp(in, async, discarded{id, condition, tries}, result)
			return
		}
		select {
		case <-time.After(async.RetryWaits[tries-1]):
		case <-f.stopping.Done():
			return
		}
	}
}

// discarded is the outcome of an invocation that is given up.
type discarded struct {
	id, condition string
	tries         int
}

// giveUp reports an invocation in the record that Lambda sends to a destination.
func (f *Function) giveUp(in Invocation, async Async, d discarded, last Result) {
	f.config.Log("an asynchronous invocation is given up (" + d.condition + ")")
	if async.OnFailure == nil {
		return
	}
	type object = map[string]any
	record, err := json.Marshal(object{
		"version": "1.0", "timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": object{
			"requestId": d.id, "functionArn": f.config.ARN + ":" + Version, "condition": d.condition, "approximateInvokeCount": d.tries,
		},
		"requestPayload":  json.RawMessage(in.Payload),
		"responseContext": object{"statusCode": 200, "executedVersion": Version, "functionError": last.FunctionError},
		"responsePayload": json.RawMessage(last.Payload),
	})
	if err != nil {
		f.config.Log("its record has no JSON form: " + err.Error())
		return
	}
	async.OnFailure(record)
}

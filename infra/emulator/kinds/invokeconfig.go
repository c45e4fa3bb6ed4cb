package kinds

import (
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/template"
)

// Lambda's limits for asynchronous invocations, which are also its defaults.
const (
	mostAsyncRetries = 2
	shortestEventAge = 60
	longestEventAge  = int(function.MaxEventAge / time.Second)
)

type invokeProperties struct {
	FunctionName             string
	Qualifier                string
	MaximumRetryAttempts     *template.Int
	MaximumEventAgeInSeconds *template.Int
	DestinationConfig        struct {
		OnFailure struct{ Destination string }
	}
}

// invokeConfigs are how asynchronous invocations of a function are retried, and where they go if they fail for good.
type invokeConfigs struct {
	plain
	host       *Host
	functions  *Functions
	queues     *Queues
	retryWaits []time.Duration
}

func (k *invokeConfigs) Run(r template.Resource) error {
	var properties invokeProperties
	if err := k.host.Decode(r, nil, &properties); err != nil {
		return err
	}
	f, err := k.functions.invokable(properties.FunctionName)
	if err != nil {
		return r.Errorf("FunctionName", "%w", err)
	}
	if properties.Qualifier != function.Version {
		return r.Errorf("Qualifier", "%s is expected, not %q", function.Version, properties.Qualifier)
	}
	retries := valueOr(properties.MaximumRetryAttempts, mostAsyncRetries)
	age := valueOr(properties.MaximumEventAgeInSeconds, longestEventAge)
	if err := withinLimits(r, []limited{
		{"MaximumRetryAttempts", retries, 0, mostAsyncRetries},
		{"MaximumEventAgeInSeconds", age, shortestEventAge, longestEventAge},
	}); err != nil {
		return err
	}
	async := function.DefaultAsync(k.retryWaits)
	async.Retries, async.MaxAge = retries, time.Duration(age)*time.Second
	if destination := properties.DestinationConfig.OnFailure.Destination; destination != "" {
		q, err := k.queues.withARN(destination)
		if err != nil {
			return r.Errorf("DestinationConfig: OnFailure: Destination", "%w", err)
		}
		async.OnFailure = func(record []byte) { q.Send(string(record), nil) }
	}
	f.SetAsync(async)
	return nil
}

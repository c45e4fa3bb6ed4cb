package kinds

import (
	"time"

	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/template"
)

// What Lambda takes for queues where the template says nothing, and what it allows.
const (
	defaultQueueBatch = 10
	// unwindowedBatch is the largest batch of a mapping without a window.
	unwindowedBatch = 10
	// defaultConcurrency is how many batches Lambda begins with. It goes on to more, which a laptop would not.
	defaultConcurrency = 5
	leastConcurrency   = 2
	mostConcurrency    = 1000
)

type scalingProperties struct {
	MaximumConcurrency *template.Int
}

// mapQueue reads a mapping from a queue to a function. It starts when the whole platform is up.
func (k *mappings) mapQueue(r template.Resource, q *queues.Queue, properties mappingProperties) error {
	config, err := properties.queueConfig(r)
	if err != nil {
		return err
	}
	if config.Filters, err = properties.FilterCriteria.patterns(r); err != nil {
		return err
	}
	f, err := k.functions.invokable(properties.FunctionName)
	if err != nil {
		return r.Errorf("FunctionName", "%w", err)
	}
	if q.Visibility() < f.Timeout() { // Lambda refuses such a mapping
		return r.Errorf("EventSourceArn", "the queue's visibility timeout of %s is less than the function's timeout of %s", q.Visibility(), f.Timeout())
	}
	if properties.Enabled != nil && !bool(*properties.Enabled) {
		return nil
	}
	config.Queue, config.FunctionARN, config.Invoke = q, f.ARN(), f.Invoke
	config.Redelivery = k.redelivery
	config.Log = func(line string) { k.host.Log(r.LogicalID, line) }
	k.host.Deliveries.add(func() Delivery { return queues.StartMapping(config) })
	return nil
}

// queueConfig is the part of a mapping from a queue that stands in its own properties.
func (m mappingProperties) queueConfig(r template.Resource) (queues.MappingConfig, error) {
	for _, c := range []struct {
		property string
		given    bool
	}{
		{"StartingPosition", m.StartingPosition != ""},
		{"ParallelizationFactor", m.ParallelizationFactor != nil},
		{"MaximumRetryAttempts", m.MaximumRetryAttempts != nil},
		{"MaximumRecordAgeInSeconds", m.MaximumRecordAgeInSeconds != nil},
		{"BisectBatchOnFunctionError", bool(m.BisectBatchOnFunctionError)},
		{"DestinationConfig", m.DestinationConfig.OnFailure.Destination != ""},
		{"TumblingWindowInSeconds", m.TumblingWindowInSeconds != 0},
	} {
		if c.given {
			return queues.MappingConfig{}, r.Errorf(c.property, "it is for streams alone")
		}
	}
	reports, err := m.reportsFailures(r)
	if err != nil {
		return queues.MappingConfig{}, err
	}
	config := queues.MappingConfig{
		BatchSize:       valueOr(m.BatchSize, defaultQueueBatch),
		Window:          time.Duration(m.MaximumBatchingWindowInSeconds) * time.Second,
		Concurrency:     defaultConcurrency,
		ReportsFailures: reports,
	}
	if m.ScalingConfig != nil {
		config.Concurrency = valueOr(m.ScalingConfig.MaximumConcurrency, defaultConcurrency)
	}
	largest := batchSizeLimit
	if config.Window == 0 {
		largest = unwindowedBatch
	}
	return config, withinLimits(r, []limited{
		{"BatchSize", config.BatchSize, 1, largest},
		{"MaximumBatchingWindowInSeconds", int(m.MaximumBatchingWindowInSeconds), 0, windowLimit},
		{"ScalingConfig: MaximumConcurrency", config.Concurrency, leastConcurrency, mostConcurrency},
	})
}

package kinds

import (
	"slices"
	"strings"
	"time"

	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/stream"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a mapping at hand: labels, metrics and the encryption of filters.
var inertOfMappings = []string{"KmsKeyArn", "LoggingConfig", "MetricsConfig", "Tags"}

// Lambda's defaults and limits.
const (
	defaultBatchSize   = 100
	batchSizeLimit     = 10_000
	windowLimit        = 300
	lanesLimit         = 10
	retriesLimit       = 10_000
	shortestMaximumAge = 60
	longestMaximumAge  = 604_800
	reportsFailures    = "ReportBatchItemFailures"
)

type mappingProperties struct {
	FunctionName                   string
	EventSourceArn                 string
	Enabled                        *template.Bool
	StartingPosition               string
	BatchSize                      *template.Int
	MaximumBatchingWindowInSeconds template.Int
	ParallelizationFactor          *template.Int
	MaximumRetryAttempts           *template.Int
	MaximumRecordAgeInSeconds      *template.Int
	BisectBatchOnFunctionError     template.Bool
	FunctionResponseTypes          []string
	DestinationConfig              struct {
		OnFailure struct{ Destination string }
	}
	FilterCriteria filterProperties
	ScalingConfig  *scalingProperties
	// This is recognized, but cannot be run.
	TumblingWindowInSeconds template.Int
}

type filterProperties struct {
	Filters []struct{ Pattern string }
}

// mappings deliver what comes from streams and queues to functions.
type mappings struct {
	plain
	host       *Host
	tables     *Tables
	queues     *Queues
	functions  *Functions
	buckets    *Buckets
	faults     *stream.Faults
	redelivery time.Duration // Waits.Redelivery
}

// Run reads a mapping, which begins to deliver when the whole platform is up.
func (k *mappings) Run(r template.Resource) error {
	var properties mappingProperties
	if err := k.host.Decode(r, inertOfMappings, &properties); err != nil {
		return err
	}
	if q, ok := k.queues.ByARN(properties.EventSourceArn); ok {
		return k.mapQueue(r, q, properties)
	}
	return k.mapStream(r, properties)
}

func (k *mappings) mapStream(r template.Resource, properties mappingProperties) error {
	config, err := properties.config(r)
	if err != nil {
		return err
	}
	if !k.tables.hasStream(properties.EventSourceArn) {
		return r.Errorf("EventSourceArn", "the stream of a table or a queue of the template is expected, not %q", properties.EventSourceArn)
	}
	if config.Filters, err = properties.FilterCriteria.patterns(r); err != nil {
		return err
	}
	f, err := k.functions.invokable(properties.FunctionName)
	if err != nil {
		return r.Errorf("FunctionName", "%w", err)
	}
	if destination := properties.DestinationConfig.OnFailure.Destination; destination != "" {
		bucket, err := k.buckets.withARN(destination)
		if err != nil {
			return r.Errorf("DestinationConfig: OnFailure: Destination", "%w", err)
		}
		config.Discard = func(key string, object []byte) {
			k.buckets.Put(bucket, key, object, map[string]string{"Content-Type": "application/json"})
		}
	}
	if properties.Enabled != nil && !bool(*properties.Enabled) {
		return nil
	}
	config.ID = mappingUUID(r)
	config.Client = k.tables.streams()
	config.StreamARN = properties.EventSourceArn
	config.FunctionARN, config.Invoke = f.ARN(), f.Invoke
	config.Faults = k.faults
	config.Log = func(line string) { k.host.Log(r.LogicalID, line) }
	k.host.Deliveries.add(func() Delivery { return stream.Start(config) })
	return nil
}

// config is the part of a mapping that stands in its own properties.
func (m mappingProperties) config(r template.Resource) (stream.Config, error) {
	switch {
	case m.ScalingConfig != nil:
		return stream.Config{}, r.Errorf("ScalingConfig", "it is for queues alone")
	case m.TumblingWindowInSeconds != 0:
		return stream.Config{}, r.Errorf("TumblingWindowInSeconds", "tumbling windows are not run here")
	case m.StartingPosition != "TRIM_HORIZON" && m.StartingPosition != "LATEST":
		return stream.Config{}, r.Errorf("StartingPosition", "TRIM_HORIZON or LATEST is expected, not %q", m.StartingPosition)
	}
	reports, err := m.reportsFailures(r)
	if err != nil {
		return stream.Config{}, err
	}
	age := valueOr(m.MaximumRecordAgeInSeconds, stream.Unlimited)
	if age != stream.Unlimited && age < shortestMaximumAge {
		return stream.Config{}, r.Errorf("MaximumRecordAgeInSeconds", "-1 or at least %d is expected, not %d", shortestMaximumAge, age)
	}
	config := stream.Config{
		FromStart:       m.StartingPosition == "TRIM_HORIZON",
		BatchSize:       valueOr(m.BatchSize, defaultBatchSize),
		Window:          time.Duration(m.MaximumBatchingWindowInSeconds) * time.Second,
		Lanes:           valueOr(m.ParallelizationFactor, 1),
		MaxRetries:      valueOr(m.MaximumRetryAttempts, stream.Unlimited),
		MaxAge:          time.Duration(max(age, 0)) * time.Second,
		Bisect:          bool(m.BisectBatchOnFunctionError),
		ReportsFailures: reports,
	}
	return config, withinLimits(r, []limited{
		{"BatchSize", config.BatchSize, 1, batchSizeLimit},
		{"MaximumBatchingWindowInSeconds", int(m.MaximumBatchingWindowInSeconds), 0, windowLimit},
		{"ParallelizationFactor", config.Lanes, 1, lanesLimit},
		{"MaximumRetryAttempts", config.MaxRetries, stream.Unlimited, retriesLimit},
		{"MaximumRecordAgeInSeconds", age, stream.Unlimited, longestMaximumAge},
	})
}

func (m mappingProperties) reportsFailures(r template.Resource) (bool, error) {
	types := m.FunctionResponseTypes
	if len(types) > 1 || len(types) == 1 && types[0] != reportsFailures {
		return false, r.Errorf("FunctionResponseTypes", "%s alone is expected, not %q", reportsFailures, types)
	}
	return len(types) == 1, nil
}

// patterns are the filters of a mapping: what matches one of them is delivered.
func (f filterProperties) patterns(r template.Resource) ([]*pattern.Pattern, error) {
	var patterns []*pattern.Pattern
	for _, filter := range f.Filters {
		one, err := pattern.Parse([]byte(filter.Pattern))
		if err != nil {
			return nil, r.Errorf("FilterCriteria: "+filter.Pattern, "%w", err)
		}
		if slices.Contains(one.Conditions(), "wildcard") {
			return nil, r.Errorf("FilterCriteria: "+filter.Pattern, "Lambda knows no wildcard, which is for rules alone")
		}
		patterns = append(patterns, one)
	}
	return patterns, nil
}

// What Lambda takes for queues where the template says nothing, and what it allows.
const (
	defaultQueueBatch = 10
	// unwindowedBatch is the largest batch of a mapping without a window.
	unwindowedBatch = 10
	// defaultConcurrency is how many batches Lambda starts with. It scales up further, which a laptop would not.
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

// mappingUUID is the id of a mapping, the same in every run.
func mappingUUID(r template.Resource) string {
	id := digest(r)
	return strings.Join([]string{id[:8], id[8:12], "4" + id[13:16], "8" + id[17:20], id[20:32]}, "-")
}

func (*mappings) Ref(r template.Resource) (string, error) { return mappingUUID(r), nil }

func (*mappings) Attribute(r template.Resource, name string) (string, error) {
	switch name {
	case "Id":
		return mappingUUID(r), nil
	case "EventSourceMappingArn":
		return arn("lambda", "event-source-mapping:"+mappingUUID(r)), nil
	}
	return "", unknownAttribute(r, name)
}

package emulator

import (
	"slices"

	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/kinds"
)

// URL returns where the HTTP API listens, without a trailing slash.
func (p *Platform) URL() string { return url(p.servers.api) }

// InvokeURL returns the endpoint of the Lambda Invoke API.
func (p *Platform) InvokeURL() string { return url(p.servers.invoke) }

// S3URL returns the endpoint of S3.
func (p *Platform) S3URL() string { return url(p.servers.s3) }

// EventBridgeURL returns the endpoint of EventBridge, which it shares with the
// other services that use JSON.
func (p *Platform) EventBridgeURL() string { return url(p.servers.services) }

// SQSURL returns the endpoint of SQS.
func (p *Platform) SQSURL() string { return url(p.servers.services) }

// SecretsURL returns the endpoint of Secrets Manager.
func (p *Platform) SecretsURL() string { return url(p.servers.services) }

// DynamoDBURL returns the endpoint of DynamoDB Local, or "" if the template has
// no table.
func (p *Platform) DynamoDBURL() string { return p.kinds.Tables.URL }

// TableName returns the physical name of the table with this logical id or construct name. It is "" if there is none,
// or if several tables share the given beginning of a logical id.
func (p *Platform) TableName(logical string) string { return p.kinds.Tables.Name(logical) }

// BucketName returns the physical name of the bucket with this logical id or construct name, or "" if there is none.
func (p *Platform) BucketName(logical string) string { return p.kinds.Ref(p.kinds.Buckets, logical) }

// SecretARN returns the ARN of the secret with this logical id, construct name or name, or "" if there is none.
func (p *Platform) SecretARN(logical string) string { return p.kinds.Secrets.ARN(logical) }

// BusName returns the name of the event bus with this logical id or construct name, or "" if there is none.
func (p *Platform) BusName(logical string) string { return p.kinds.Ref(p.kinds.Buses, logical) }

// BusARN returns the ARN of the event bus with this logical id or construct name, or "" if there is none.
func (p *Platform) BusARN(logical string) string {
	if name := p.BusName(logical); name != "" {
		return bus.ARN(name)
	}
	return ""
}

// Event is an event that has been put on a bus.
type Event = bus.Event

// Events returns the events that have been put on all buses, in order: the latest ten thousand. Those of schedules are
// not among them.
func (p *Platform) Events() []Event { return p.kinds.Buses.Events() }

// Subscribe returns a channel with every event that is put on a bus from now on, until cancel is called, which closes
// the channel. Events that do not fit into the channel's buffer are left out.
func (p *Platform) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	return p.kinds.Buses.Subscribe(buffer)
}

// QueueURL returns the URL of the queue with this logical id or construct name, or "" if there is none.
func (p *Platform) QueueURL(logical string) string { return p.kinds.Ref(p.kinds.Queues, logical) }

// DeadLetter is a message in a dead-letter queue.
type DeadLetter = kinds.DeadLetter

// DeadLetters lists the messages in the queue with this logical id or construct name or, if that has a dead-letter
// queue, in that one. It removes nothing.
func (p *Platform) DeadLetters(logical string) []DeadLetter {
	return p.kinds.Queues.DeadLetters(logical)
}

// Fire fires a scheduled rule at once, whether or not it is enabled. The rule is given by its logical id or the name of
// its construct.
func (p *Platform) Fire(logical string) error { return p.kinds.Rules.Fire(logical) }

// Construct returns the name of the construct whose resource has this ARN, or an ARN that this one begins with, and
// what comes after that. It is "" if no resource of the template has.
func (p *Platform) Construct(arn string) (name, rest string) { return p.kinds.Construct(arn) }

// FunctionNames lists the names of the functions.
func (p *Platform) FunctionNames() []string { return p.kinds.Functions.Names() }

// Kill sends SIGKILL to every process of a function, given by its name or the last word of it, and returns to how many.
func (p *Platform) Kill(name string) int { return p.kinds.Functions.Kill(name) }

// Processes lists the ids of all running processes.
func (p *Platform) Processes() []int {
	return slices.Concat(p.kinds.Tables.PIDs(), p.kinds.Functions.PIDs())
}

// Inert lists the resources that have no effect on one machine, each with the
// reason.
func (p *Platform) Inert() []string { return p.kinds.Inert() }

package emulator

import (
	"slices"

	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/kinds"
)

// URL is where the HTTP API listens, without a slash at its end.
func (p *Platform) URL() string { return url(p.servers.api) }

// InvokeURL is the endpoint of the Lambda Invoke API.
func (p *Platform) InvokeURL() string { return url(p.servers.invoke) }

// S3URL is the endpoint of S3.
func (p *Platform) S3URL() string { return url(p.servers.s3) }

// EventBridgeURL is the endpoint of EventBridge. The services that speak JSON share one.
func (p *Platform) EventBridgeURL() string { return url(p.servers.services) }

// SQSURL is the endpoint of SQS.
func (p *Platform) SQSURL() string { return url(p.servers.services) }

// SecretsURL is the endpoint of Secrets Manager.
func (p *Platform) SecretsURL() string { return url(p.servers.services) }

// DynamoDBURL is the endpoint of DynamoDB Local, or empty if the template has no table.
func (p *Platform) DynamoDBURL() string { return p.kinds.Tables.URL }

// TableName is the physical name of the table with this logical id or construct name. It is empty if there is none,
// or if the beginning of a logical id is given that several tables share.
func (p *Platform) TableName(logical string) string { return p.kinds.Tables.Name(logical) }

// BucketName is the physical name of the bucket with this logical id or construct name, or empty if there is none.
func (p *Platform) BucketName(logical string) string { return p.kinds.Ref(p.kinds.Buckets, logical) }

// SecretARN is the ARN of the secret with this logical id, construct name or name, or empty if there is none.
func (p *Platform) SecretARN(logical string) string { return p.kinds.Secrets.ARN(logical) }

// BusName is the name of the event bus with this logical id or construct name, or empty if there is none.
func (p *Platform) BusName(logical string) string { return p.kinds.Ref(p.kinds.Buses, logical) }

// BusARN is the ARN of the event bus with this logical id or construct name, or empty if there is none.
func (p *Platform) BusARN(logical string) string {
	if name := p.BusName(logical); name != "" {
		return bus.ARN(name)
	}
	return ""
}

// Event is an event that has been put on a bus.
type Event = bus.Event

// Events lists the events that have been put on all buses, in their order: the latest ten thousand. Those of schedules
// are not among them.
func (p *Platform) Events() []Event { return p.kinds.Buses.Events() }

// Subscribe gives every event that is put on a bus from now on, until cancel is called, which closes the channel. What
// does not fit into the channel's buffer is left out.
func (p *Platform) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	return p.kinds.Buses.Subscribe(buffer)
}

// QueueURL is the URL of the queue with this logical id or construct name, or empty if there is none.
func (p *Platform) QueueURL(logical string) string { return p.kinds.Ref(p.kinds.Queues, logical) }

// DeadLetter is a message that has ended in a queue of dead letters.
type DeadLetter = kinds.DeadLetter

// DeadLetters lists what lies in the queue with this logical id or construct name or, if that has a queue of dead letters
// of its own, in that one. It takes nothing out.
func (p *Platform) DeadLetters(logical string) []DeadLetter {
	return p.kinds.Queues.DeadLetters(logical)
}

// Fire fires a scheduled rule at once, whether or not it is enabled. The rule is given by its logical id or the name of
// its construct.
func (p *Platform) Fire(logical string) error { return p.kinds.Rules.Fire(logical) }

// Construct is the name of the construct whose resource has this ARN, or an ARN that this one begins with, and what comes
// after that. It is empty if no resource of the template has.
func (p *Platform) Construct(arn string) (name, rest string) { return p.kinds.Construct(arn) }

// FunctionNames lists the names of the functions.
func (p *Platform) FunctionNames() []string { return p.kinds.Functions.Names() }

// Kill sends SIGKILL to every process of a function, given by its name or the last word of it, and says to how many.
func (p *Platform) Kill(name string) int { return p.kinds.Functions.Kill(name) }

// Processes lists the ids of all processes that the platform runs now.
func (p *Platform) Processes() []int {
	return slices.Concat(p.kinds.Tables.PIDs(), p.kinds.Functions.PIDs())
}

// Inert lists the resources that have no meaning on one machine, each with the reason.
func (p *Platform) Inert() []string { return p.kinds.Inert() }

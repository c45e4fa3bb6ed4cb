package emulator

import (
	"fmt"
	"time"

	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/template"
)

// What has no bearing on a queue in memory: encryption, labels, and who may name the queue as that of dead letters.
var inertOfQueues = []string{
	"KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "RedriveAllowPolicy", "SqsManagedSseEnabled", "Tags",
}

// What SQS takes where the template says nothing, and what it allows; times are in seconds.
const (
	defaultVisibility = 30
	longestVisibility = 43_200
	defaultRetention  = 345_600
	shortestRetention = 60
	longestRetention  = 1_209_600
	longestQueueDelay = 900
	longestQueueWait  = 20
	leastMessageBytes = 1024
	mostReceives      = 1000
)

type queueProperties struct {
	QueueName                     string
	VisibilityTimeout             *template.Int
	MessageRetentionPeriod        *template.Int
	DelaySeconds                  *template.Int
	ReceiveMessageWaitTimeSeconds *template.Int
	MaximumMessageSize            *template.Int
	RedrivePolicy                 *struct {
		DeadLetterTargetArn string        `json:"deadLetterTargetArn"`
		MaxReceiveCount     *template.Int `json:"maxReceiveCount"`
	}
	// This is understood and cannot be run.
	FifoQueue template.Bool
}

func buildQueue(p *Platform, r template.Resource) error {
	properties, name, err := p.queueProperties(r)
	if err != nil {
		return err
	}
	if properties.FifoQueue {
		return r.Errorf("FifoQueue", "queues that keep an order are not run here")
	}
	visibility := valueOr(properties.VisibilityTimeout, defaultVisibility)
	retention := valueOr(properties.MessageRetentionPeriod, defaultRetention)
	delay, wait := valueOr(properties.DelaySeconds, 0), valueOr(properties.ReceiveMessageWaitTimeSeconds, 0)
	size := valueOr(properties.MaximumMessageSize, queues.MaxBytes)
	if err := withinLimits(r, []limited{
		{"VisibilityTimeout", visibility, 0, longestVisibility},
		{"MessageRetentionPeriod", retention, shortestRetention, longestRetention},
		{"DelaySeconds", delay, 0, longestQueueDelay},
		{"ReceiveMessageWaitTimeSeconds", wait, 0, longestQueueWait},
		{"MaximumMessageSize", size, leastMessageBytes, queues.MaxBytes},
	}); err != nil {
		return err
	}
	q := queues.New(queues.Config{
		Name: name, ARN: arn("sqs", name), URL: p.queueURLOf(name),
		Visibility: time.Duration(visibility) * time.Second, Retention: time.Duration(retention) * time.Second,
		Delay: time.Duration(delay) * time.Second, Wait: time.Duration(wait) * time.Second, MaxBytes: size,
	})
	if !p.queueStore.Add(q) {
		return r.Errorf("QueueName", "another queue is named %q", name)
	}
	p.queues[r.LogicalID] = q
	return nil
}

func (p *Platform) queueProperties(r template.Resource) (properties queueProperties, name string, err error) {
	if err := p.stack.Decode(r, inertOfQueues, &properties); err != nil {
		return properties, "", err
	}
	name, err = p.named(r, "QueueName")
	return properties, name, err
}

// connectQueue leads a queue's dead letters to their queue, once all queues are there.
func connectQueue(p *Platform, r template.Resource) error {
	properties, _, err := p.queueProperties(r)
	if err != nil || properties.RedrivePolicy == nil {
		return err
	}
	deadLetters, err := p.queueOf(properties.RedrivePolicy.DeadLetterTargetArn)
	if err != nil {
		return r.Errorf("RedrivePolicy: deadLetterTargetArn", "%w", err)
	}
	receives := valueOr(properties.RedrivePolicy.MaxReceiveCount, 0)
	if err := withinLimits(r, []limited{{"RedrivePolicy: maxReceiveCount", receives, 1, mostReceives}}); err != nil {
		return err
	}
	p.queues[r.LogicalID].Redrive(deadLetters, receives)
	p.deadLetters[r.LogicalID] = deadLetters
	return nil
}

// queueOf is the queue of the template that has this ARN.
func (p *Platform) queueOf(arn string) (*queues.Queue, error) {
	if q, ok := p.queueStore.ByARN(arn); ok {
		return q, nil
	}
	return nil, fmt.Errorf("%q is no queue of the template", arn)
}

// QueueURL is the URL of the queue with this logical id or construct name, or empty if there is none.
func (p *Platform) QueueURL(logical string) string {
	for id, q := range p.queues {
		if isConstruct(id, logical) {
			return q.URL()
		}
	}
	return ""
}

// DeadLetter is a message that has ended in a queue of dead letters.
type DeadLetter struct {
	ID         string
	Body       string
	Attributes map[string]string // those that have a text
	Source     string            // the ARN of the queue that the message comes from; empty if it has been sent there
}

// DeadLetters lists what lies in the queue with this logical id or construct name or, if that has a queue of dead letters
// of its own, in that one. It takes nothing out.
func (p *Platform) DeadLetters(logical string) []DeadLetter {
	for id, q := range p.queues {
		if !isConstruct(id, logical) {
			continue
		}
		if own := p.deadLetters[id]; own != nil {
			q = own
		}
		var letters []DeadLetter
		for _, m := range q.Messages() {
			letter := DeadLetter{ID: m.ID, Body: m.Body, Attributes: map[string]string{}, Source: m.SourceARN}
			for name, a := range m.Attributes {
				letter.Attributes[name] = a.StringValue
			}
			letters = append(letters, letter)
		}
		return letters
	}
	return nil
}

func (p *Platform) queueURLOf(name string) string {
	return p.SQSURL() + "/" + template.AccountID + "/" + name
}

func queueURL(p *Platform, r template.Resource) (any, error) {
	name, err := p.named(r, "QueueName")
	return p.queueURLOf(name), err
}

func queueAttribute(p *Platform, r template.Resource, attribute string) (any, error) {
	name, err := p.named(r, "QueueName")
	if err != nil {
		return nil, err
	}
	switch attribute {
	case "Arn":
		return arn("sqs", name), nil
	case "QueueName":
		return name, nil
	case "QueueUrl":
		return p.queueURLOf(name), nil
	}
	return nil, unknownAttribute(r, attribute)
}

// toQueue gives a queue what EventBridge tells of an event that it cannot deliver.
func toQueue(q *queues.Queue) func(event []byte, told map[string]string) {
	return func(event []byte, told map[string]string) {
		attributes := map[string]queues.Attribute{}
		for name, text := range told {
			attributes[name] = queues.Attribute{DataType: "String", StringValue: text}
		}
		q.Send(string(event), attributes)
	}
}

package kinds

import (
	"fmt"
	"time"

	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a queue in memory: encryption, labels, and who may name the queue as that of dead letters.
var inertOfQueues = []string{
	"KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "RedriveAllowPolicy", "SqsManagedSseEnabled", "Tags",
}

// SQS's defaults and limits; times are in seconds.
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
	// This is recognized, but cannot be run.
	FifoQueue template.Bool
}

// Queues are the queues of SQS.
type Queues struct {
	*queues.Store
	host        *Host
	queues      map[string]*queues.Queue // by logical id
	deadLetters map[string]*queues.Queue // the queues of dead letters, by the logical id of the queue that has one
}

// Prepare implements Kind.
func (k *Queues) Prepare(r template.Resource) error {
	properties, name, err := k.properties(r)
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
		Name: name, ARN: arn("sqs", name), URL: k.url(name),
		Visibility: time.Duration(visibility) * time.Second, Retention: time.Duration(retention) * time.Second,
		Delay: time.Duration(delay) * time.Second, Wait: time.Duration(wait) * time.Second, MaxBytes: size,
	})
	if !k.Add(q) {
		return r.Errorf("QueueName", "another queue is named %q", name)
	}
	k.queues[r.LogicalID] = q
	return nil
}

func (k *Queues) properties(r template.Resource) (properties queueProperties, name string, err error) {
	if err := k.host.Decode(r, inertOfQueues, &properties); err != nil {
		return properties, "", err
	}
	name, err = k.host.name(r, "QueueName")
	return properties, name, err
}

// Run implements Kind. It leads the queues' dead letters to their queues.
func (k *Queues) Run(r template.Resource) error {
	properties, _, err := k.properties(r)
	if err != nil || properties.RedrivePolicy == nil {
		return err
	}
	deadLetters, err := k.withARN(properties.RedrivePolicy.DeadLetterTargetArn)
	if err != nil {
		return r.Errorf("RedrivePolicy: deadLetterTargetArn", "%w", err)
	}
	receives := valueOr(properties.RedrivePolicy.MaxReceiveCount, 0)
	if err := withinLimits(r, []limited{{"RedrivePolicy: maxReceiveCount", receives, 1, mostReceives}}); err != nil {
		return err
	}
	k.queues[r.LogicalID].Redrive(deadLetters, receives)
	k.deadLetters[r.LogicalID] = deadLetters
	return nil
}

// withARN is the queue of the template that has this ARN.
func (k *Queues) withARN(arn string) (*queues.Queue, error) {
	if q, ok := k.ByARN(arn); ok {
		return q, nil
	}
	return nil, fmt.Errorf("%q is no queue of the template", arn)
}

// DeadLetter is a message in a dead-letter queue.
type DeadLetter struct {
	ID         string
	Body       string
	Attributes map[string]string // those that have a text
	Source     string            // the ARN of the queue that the message comes from; empty if it was sent there directly
}

// DeadLetters lists the messages in the queue with this logical id or construct name or, if that has a dead-letter
// queue, in that one. It removes nothing.
func (k *Queues) DeadLetters(logical string) []DeadLetter {
	q, ok := ofConstruct(k.deadLetters, logical)
	if !ok {
		if q, ok = ofConstruct(k.queues, logical); !ok {
			return nil
		}
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

func (k *Queues) url(name string) string {
	return k.host.URLs.Services + "/" + template.AccountID + "/" + name
}

// Ref implements Kind.
func (k *Queues) Ref(r template.Resource) (string, error) {
	name, err := k.host.name(r, "QueueName")
	return k.url(name), err
}

// Attribute implements Kind.
func (k *Queues) Attribute(r template.Resource, name string) (string, error) {
	own, err := k.host.name(r, "QueueName")
	switch name {
	case "Arn":
		return arn("sqs", own), err
	case "QueueName":
		return own, err
	case "QueueUrl":
		return k.url(own), err
	}
	return "", unknownAttribute(r, name)
}

package kinds

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/schedule"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a rule here: permissions and labels.
var inertOfRules = []string{"Description", "RoleArn", "Tags"}

// The shortest time for which EventBridge can be set to retry a delivery, in
// seconds.
const shortestDelivery = 60

type ruleProperties struct {
	Name               string
	ScheduleExpression string
	EventPattern       json.RawMessage // which keeps the spelling of numbers
	EventBusName       string
	State              string
	Targets            []targetProperties
}

type targetProperties struct {
	Id          string //nolint:revive // as CloudFormation spells it
	Arn         string
	Input       string
	InputPath   string
	RoleArn     string // permissions are not checked
	RetryPolicy struct {
		MaximumRetryAttempts     *template.Int
		MaximumEventAgeInSeconds *template.Int
	}
	DeadLetterConfig struct{ Arn string }
}

// Rules are the rules of EventBridge.
type Rules struct {
	plain
	host      *Host
	buses     *Buses
	queues    *Queues
	functions *Functions
	scheduled map[string]bus.Rule // by logical id
}

// Run implements Kind. Schedules begin when the whole platform is up.
func (k *Rules) Run(r template.Resource) error {
	var properties ruleProperties
	if err := k.host.Decode(r, inertOfRules, &properties); err != nil {
		return err
	}
	if err := properties.check(r); err != nil {
		return err
	}
	name, err := k.arn(r)
	if err != nil {
		return err
	}
	built := bus.Rule{ARN: name}
	for _, t := range properties.Targets {
		one, err := k.target(r, t)
		if err != nil {
			return err
		}
		built.Targets = append(built.Targets, one)
	}
	enabled := properties.State != "DISABLED"
	if properties.EventPattern != nil {
		if built.Pattern, err = pattern.Parse(properties.EventPattern); err != nil {
			return r.Errorf("EventPattern", "%w", err)
		}
		on := busOf(properties.EventBusName)
		if !k.buses.Has(on) {
			return r.Errorf("EventBusName", "%q is no bus of the template", properties.EventBusName)
		}
		if enabled {
			k.buses.AddRule(on, built)
		}
	}
	if properties.ScheduleExpression == "" {
		return nil
	}
	due, err := schedule.Parse(properties.ScheduleExpression)
	if err != nil {
		return r.Errorf("ScheduleExpression", "%w", err)
	}
	k.scheduled[r.LogicalID] = built
	if enabled {
		fire := func(at time.Time) { k.fire(built, at) }
		k.host.Deliveries.add(func() Delivery { return schedule.Start(due, fire) })
	}
	return nil
}

func (properties ruleProperties) check(r template.Resource) error {
	switch {
	case properties.ScheduleExpression == "" && properties.EventPattern == nil:
		return r.Errorf("EventPattern", "a rule has a pattern or a ScheduleExpression")
	case properties.ScheduleExpression != "" && busOf(properties.EventBusName) != bus.Default:
		return r.Errorf("EventBusName", "schedules run on the default bus, not on %q", properties.EventBusName)
	case properties.State != "" && properties.State != "ENABLED" && properties.State != "DISABLED":
		return r.Errorf("State", "ENABLED or DISABLED is expected, not %q", properties.State)
	}
	return nil
}

// target reads a target of a rule: a function or a queue.
func (k *Rules) target(r template.Resource, t targetProperties) (bus.Target, error) {
	at := "Targets: " + t.Id
	retries := valueOr(t.RetryPolicy.MaximumRetryAttempts, bus.MaxRetries)
	age := valueOr(t.RetryPolicy.MaximumEventAgeInSeconds, int(bus.MaxAge/time.Second))
	if err := withinLimits(r, []limited{
		{at + ": RetryPolicy: MaximumRetryAttempts", retries, 0, bus.MaxRetries},
		{at + ": RetryPolicy: MaximumEventAgeInSeconds", age, shortestDelivery, int(bus.MaxAge / time.Second)},
	}); err != nil {
		return bus.Target{}, err
	}
	built := bus.Target{ARN: t.Arn, MaxRetries: retries, MaxAge: time.Duration(age) * time.Second}
	if q, ok := k.queues.ByARN(t.Arn); ok {
		built.Deliver = func(event []byte) error {
			q.Send(string(event), nil)
			return nil
		}
	} else {
		f, err := k.functions.invokable(t.Arn)
		if err != nil {
			return bus.Target{}, r.Errorf(at, "%w, and no queue of it", err)
		}
		built.Deliver = func(event []byte) error {
			f.InvokeAsync(function.Invocation{Payload: event})
			return nil
		}
	}
	switch {
	case t.Input != "" && t.InputPath != "":
		return bus.Target{}, r.Errorf(at, "Input or InputPath is expected, not both")
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return bus.Target{}, r.Errorf(at+": Input", "it is no JSON")
	case t.Input != "":
		built.Input = []byte(t.Input)
	case t.InputPath != "":
		var err error
		if built.InputPath, err = bus.ParsePath(t.InputPath); err != nil {
			return bus.Target{}, r.Errorf(at+": InputPath", "%w", err)
		}
	}
	if t.DeadLetterConfig.Arn != "" {
		q, err := k.queues.withARN(t.DeadLetterConfig.Arn)
		if err != nil {
			return bus.Target{}, r.Errorf(at+": DeadLetterConfig", "%w", err)
		}
		built.DeadLetter = toQueue(q)
	}
	return built, nil
}

// toQueue sends to a queue what EventBridge reports of an event that it cannot
// deliver.
func toQueue(q *queues.Queue) func(event []byte, told map[string]string) {
	return func(event []byte, told map[string]string) {
		attributes := map[string]queues.Attribute{}
		for name, text := range told {
			attributes[name] = queues.Attribute{DataType: "String", StringValue: text}
		}
		q.Send(string(event), attributes)
	}
}

// fire sends the event of a time to all targets of a rule.
func (k *Rules) fire(r bus.Rule, at time.Time) {
	event := bus.Event{
		ID: function.NewRequestID(), DetailType: "Scheduled Event", Source: "aws.events", Time: at, Resources: []string{r.ARN},
		Detail: json.RawMessage("{}"),
	}
	k.buses.Dispatch(r, event.JSON())
}

// Fire fires a scheduled rule at once, whether or not it is enabled. The rule is given by its logical id or the name of
// its construct.
func (k *Rules) Fire(logical string) error {
	r, ok := ofConstruct(k.scheduled, logical)
	if !ok {
		return fmt.Errorf("the template has no scheduled rule %q", logical)
	}
	k.fire(r, time.Now())
	return nil
}

// busOf returns the name of the bus that a rule names by its name, its ARN or
// not at all.
func busOf(given string) string {
	if given == "" {
		return bus.Default
	}
	return strings.TrimPrefix(given, bus.ARN(""))
}

// id returns the rule's name, with its bus unless that is the default one.
func (k *Rules) id(r template.Resource, separator string) (string, error) {
	name, err := k.host.name(r, "Name")
	if err != nil || r.Properties["EventBusName"] == nil {
		return name, err
	}
	given, err := k.host.EvaluateString(r.Properties["EventBusName"])
	if err != nil {
		return "", r.Errorf("EventBusName", "%w", err)
	}
	if on := busOf(given); on != bus.Default {
		name = on + separator + name
	}
	return name, nil
}

func (k *Rules) arn(r template.Resource) (string, error) {
	id, err := k.id(r, "/")
	return arn("events", "rule/"+id), err
}

// Ref implements Kind.
func (k *Rules) Ref(r template.Resource) (string, error) { return k.id(r, "|") }

// Attribute implements Kind.
func (k *Rules) Attribute(r template.Resource, name string) (string, error) {
	if name != "Arn" {
		return "", unknownAttribute(r, name)
	}
	return k.arn(r)
}

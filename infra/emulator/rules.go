package emulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/schedule"
	"drawdown/infra/emulator/template"
)

// What has no bearing on a rule here: permissions and labels.
var inertOfRules = []string{"Description", "RoleArn", "Tags"}

// The shortest time for which EventBridge can be told to try a delivery, in seconds.
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

func buildRule(p *Platform, r template.Resource) error {
	var properties ruleProperties
	if err := p.stack.Decode(r, inertOfRules, &properties); err != nil {
		return err
	}
	if err := properties.check(r); err != nil {
		return err
	}
	name, err := p.ruleARN(r)
	if err != nil {
		return err
	}
	built := bus.Rule{ARN: name}
	for _, t := range properties.Targets {
		one, err := p.target(r, t)
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
		if !p.busStore.Has(on) {
			return r.Errorf("EventBusName", "%q is no bus of the template", properties.EventBusName)
		}
		if enabled {
			p.busStore.AddRule(on, built)
		}
	}
	if properties.ScheduleExpression == "" {
		return nil
	}
	due, err := schedule.Parse(properties.ScheduleExpression)
	if err != nil {
		return r.Errorf("ScheduleExpression", "%w", err)
	}
	p.rules[r.LogicalID] = built
	if enabled {
		fire := func(at time.Time) { p.fire(built, at) }
		p.starts = append(p.starts, func() { p.schedules.Go(func() { schedule.Run(due, p.stopping, fire) }) })
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
func (p *Platform) target(r template.Resource, t targetProperties) (bus.Target, error) {
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
	if q, ok := p.queueStore.ByARN(t.Arn); ok {
		built.Deliver = func(event []byte) error {
			q.Send(string(event), nil)
			return nil
		}
	} else {
		f, err := p.invokable(t.Arn)
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
		q, err := p.queueOf(t.DeadLetterConfig.Arn)
		if err != nil {
			return bus.Target{}, r.Errorf(at+": DeadLetterConfig", "%w", err)
		}
		built.DeadLetter = toQueue(q)
	}
	return built, nil
}

// fire gives the event of a time to all targets of a rule.
func (p *Platform) fire(r bus.Rule, at time.Time) {
	event := bus.Event{
		ID: function.NewRequestID(), DetailType: "Scheduled Event", Source: "aws.events", Time: at, Resources: []string{r.ARN},
		Detail: json.RawMessage("{}"),
	}
	p.busStore.Dispatch(r, event.JSON())
}

// Fire fires a scheduled rule at once, whether or not it is enabled. The rule is given by its logical id or the name of
// its construct.
func (p *Platform) Fire(logical string) error {
	for id, r := range p.rules {
		if isConstruct(id, logical) {
			p.fire(r, time.Now())
			return nil
		}
	}
	return fmt.Errorf("the template has no scheduled rule %q", logical)
}

// busOf is the name of the bus that a rule names by its name, its ARN or not at all.
func busOf(given string) string {
	if given == "" {
		return bus.Default
	}
	return strings.TrimPrefix(given, bus.ARN(""))
}

// ruleID is how a rule is called, with its bus where that is not the default one.
func (p *Platform) ruleID(r template.Resource, separator string) (string, error) {
	name, err := p.named(r, "Name")
	if err != nil || r.Properties["EventBusName"] == nil {
		return name, err
	}
	given, err := p.stack.EvaluateString(r.Properties["EventBusName"])
	if err != nil {
		return "", r.Errorf("EventBusName", "%w", err)
	}
	if on := busOf(given); on != bus.Default {
		name = on + separator + name
	}
	return name, nil
}

func (p *Platform) ruleARN(r template.Resource) (string, error) {
	id, err := p.ruleID(r, "/")
	return arn("events", "rule/"+id), err
}

func ruleName(p *Platform, r template.Resource) (any, error) { return p.ruleID(r, "|") }

func ruleAttribute(p *Platform, r template.Resource, attribute string) (any, error) {
	if attribute != "Arn" {
		return nil, unknownAttribute(r, attribute)
	}
	return p.ruleARN(r)
}

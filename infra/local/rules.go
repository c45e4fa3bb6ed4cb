package local

import (
	"encoding/json"
	"fmt"
	"time"

	"drawdown/infra/local/function"
	"drawdown/infra/local/schedule"
	"drawdown/infra/local/template"
)

// What has no bearing on a rule here: permissions and labels.
var inertOfRules = []string{"Description", "RoleArn", "Tags"}

type ruleProperties struct {
	Name               string
	ScheduleExpression string
	State              string
	Targets            []targetProperties
	// These are understood and cannot be run.
	EventPattern any
	EventBusName string
}

type targetProperties struct {
	Id      string //nolint:revive // as CloudFormation spells it
	Arn     string
	Input   string
	RoleArn string // permissions are not checked
	// RetryPolicy is about events that cannot be handed to Lambda, which does not happen here. When a function fails,
	// Lambda itself tries again.
	RetryPolicy struct {
		MaximumRetryAttempts     template.Int
		MaximumEventAgeInSeconds template.Int
	}
}

// rule is a rule of the template that is due by a schedule.
type rule struct {
	arn     string
	targets []target
}

type target struct {
	function *deployedFunction
	input    []byte // nil for the event itself
}

func buildRule(p *Platform, r template.Resource) error {
	var properties ruleProperties
	if err := p.stack.Decode(r, inertOfRules, &properties); err != nil {
		return err
	}
	switch {
	case properties.EventPattern != nil:
		return r.Errorf("EventPattern", "there is no event bus here")
	case properties.EventBusName != "" && properties.EventBusName != "default":
		return r.Errorf("EventBusName", "schedules run on the default bus, not on %q", properties.EventBusName)
	case properties.State != "" && properties.State != "ENABLED" && properties.State != "DISABLED":
		return r.Errorf("State", "ENABLED or DISABLED is expected, not %q", properties.State)
	}
	due, err := schedule.Parse(properties.ScheduleExpression)
	if err != nil {
		return r.Errorf("ScheduleExpression", "%w", err)
	}
	name, err := p.named(r, "Name")
	if err != nil {
		return err
	}
	built := &rule{arn: arn("events", "rule/"+name)}
	for _, t := range properties.Targets {
		f, err := p.invokable(t.Arn)
		if err != nil {
			return r.Errorf("Targets: "+t.Id, "%w", err)
		}
		if t.Input != "" && !json.Valid([]byte(t.Input)) {
			return r.Errorf("Targets: "+t.Id+": Input", "it is no JSON")
		}
		one := target{function: f}
		if t.Input != "" {
			one.input = []byte(t.Input)
		}
		built.targets = append(built.targets, one)
	}
	p.rules[r.LogicalID] = built
	if properties.State != "DISABLED" {
		p.starts = append(p.starts, func() { p.schedules.Go(func() { schedule.Run(due, p.stopping, built.fire) }) })
	}
	return nil
}

// fire gives the event of a time to all targets.
func (r *rule) fire(at time.Time) {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": function.NewRequestID(), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": template.AccountID, "time": at.UTC().Format(time.RFC3339), "region": template.Region,
		"resources": []string{r.arn}, "detail": struct{}{},
	})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	for _, t := range r.targets {
		payload := t.input
		if payload == nil {
			payload = event
		}
		t.function.InvokeAsync(function.Invocation{Payload: payload})
	}
}

// Fire fires a scheduled rule at once, whether or not it is enabled. The rule is given by its logical id or the name of
// its construct.
func (p *Platform) Fire(logical string) error {
	for id, r := range p.rules {
		if isConstruct(id, logical) {
			r.fire(time.Now())
			return nil
		}
	}
	return fmt.Errorf("the template has no scheduled rule %q", logical)
}

func ruleName(p *Platform, r template.Resource) (any, error) { return p.named(r, "Name") }

func ruleAttribute(p *Platform, r template.Resource, attribute string) (any, error) {
	name, err := p.named(r, "Name")
	if err != nil {
		return nil, err
	}
	if attribute != "Arn" {
		return nil, unknownAttribute(r, attribute)
	}
	return arn("events", "rule/"+name), nil
}

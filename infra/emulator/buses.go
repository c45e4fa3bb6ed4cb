package emulator

import (
	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/template"
)

// What has no bearing on a bus in memory: encryption, labels, logs and permissions.
var inertOfBuses = []string{"Description", "KmsKeyIdentifier", "LogConfig", "Policy", "Tags"}

type busProperties struct {
	Name string
}

func buildBus(p *Platform, r template.Resource) error {
	var properties busProperties
	if err := p.stack.Decode(r, inertOfBuses, &properties); err != nil {
		return err
	}
	name, err := p.named(r, "Name")
	if err != nil {
		return err
	}
	if !p.busStore.Create(name) {
		return r.Errorf("Name", "another bus is named %q", name)
	}
	p.buses[r.LogicalID] = name
	return nil
}

// BusName is the name of the event bus with this logical id or construct name, or empty if there is none.
func (p *Platform) BusName(logical string) string {
	for id, name := range p.buses {
		if isConstruct(id, logical) {
			return name
		}
	}
	return ""
}

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
func (p *Platform) Events() []Event { return p.busStore.Events() }

// Subscribe gives every event that is put on a bus from now on, until cancel is called, which closes the channel. What
// does not fit into the channel's buffer is left out.
func (p *Platform) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	return p.busStore.Subscribe(buffer)
}

func busName(p *Platform, r template.Resource) (any, error) { return p.named(r, "Name") }

func busAttribute(p *Platform, r template.Resource, attribute string) (any, error) {
	name, err := p.named(r, "Name")
	if err != nil {
		return nil, err
	}
	switch attribute {
	case "Arn":
		return bus.ARN(name), nil
	case "Name":
		return name, nil
	}
	return nil, unknownAttribute(r, attribute)
}

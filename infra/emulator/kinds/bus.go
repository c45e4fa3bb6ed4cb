package kinds

import (
	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a bus in memory: encryption, labels, logs and permissions.
var inertOfBuses = []string{"Description", "KmsKeyIdentifier", "LogConfig", "Policy", "Tags"}

// Buses are the event buses of EventBridge.
type Buses struct {
	*bus.Store
	plain
	host *Host
}

// Prepare implements Kind.
func (k *Buses) Prepare(r template.Resource) error {
	var properties struct{ Name string }
	if err := k.host.Decode(r, inertOfBuses, &properties); err != nil {
		return err
	}
	name, err := k.Ref(r)
	if err != nil {
		return err
	}
	if !k.Create(name) {
		return r.Errorf("Name", "another bus is named %q", name)
	}
	return nil
}

// Ref implements Kind.
func (k *Buses) Ref(r template.Resource) (string, error) { return k.host.name(r, "Name") }

// Attribute implements Kind.
func (k *Buses) Attribute(r template.Resource, name string) (string, error) {
	own, err := k.Ref(r)
	switch name {
	case "Arn":
		return bus.ARN(own), err
	case "Name":
		return own, err
	}
	return "", unknownAttribute(r, name)
}

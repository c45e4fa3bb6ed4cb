package kinds

import "drawdown/infra/emulator/template"

// limited is a property that must lie within limits.
type limited struct {
	property               string
	value, lowest, highest int
}

func withinLimits(r template.Resource, properties []limited) error {
	for _, l := range properties {
		if l.value < l.lowest || l.value > l.highest {
			return r.Errorf(l.property, "%d is not within %d and %d", l.value, l.lowest, l.highest)
		}
	}
	return nil
}

func valueOr(n *template.Int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return int(*n)
}

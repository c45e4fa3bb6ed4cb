package kinds

// Delivery invokes functions by itself: a mapping, or a schedule.
type Delivery interface {
	// Stop starts no further invocation. It does not wait for those under way.
	Stop()
	// Wait returns when, after Stop, the last invocation has ended.
	Wait()
}

// Deliveries begin when all resources work, and end before the functions do.
type Deliveries struct {
	starts  []func() Delivery
	running []Delivery
}

func (d *Deliveries) add(start func() Delivery) { d.starts = append(d.starts, start) }

func (d *Deliveries) start() {
	for _, start := range d.starts {
		d.running = append(d.running, start())
	}
}

func (d *Deliveries) stop() {
	for _, one := range d.running {
		one.Stop()
	}
}

func (d *Deliveries) wait() {
	for _, one := range d.running {
		one.Wait()
	}
}

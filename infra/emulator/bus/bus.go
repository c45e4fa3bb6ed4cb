// Package bus is a small EventBridge: buses with rules, served by the part of its API that puts events.
//
// As EventBridge does, it delivers an event to every target of every rule that matches, each delivery by itself, in no
// order and at least once; a delivery that fails is tried again, and in the end goes to the target's dead-letter queue.
// It waits less between the tries than EventBridge, which goes on for a day.
package bus

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/template"
)

// Default is the name of the bus that every account has.
const Default = "default"

// keptEvents bounds how many events are remembered.
const keptEvents = 10_000

// Event is an event that has been put on a bus.
type Event struct {
	ID         string
	Bus        string
	Source     string
	DetailType string
	Detail     json.RawMessage
	Resources  []string
	Time       time.Time
}

// JSON returns the event as targets get it.
func (e Event) JSON() []byte {
	resources := e.Resources
	if resources == nil {
		resources = []string{}
	}
	data, err := json.Marshal(map[string]any{
		"version": "0", "id": e.ID, "detail-type": e.DetailType, "source": e.Source, "account": template.AccountID,
		"time": e.Time.UTC().Format(time.RFC3339), "region": template.Region, "resources": resources, "detail": e.Detail,
	})
	if err != nil {
		panic(err) // strings and valid JSON always have a JSON form
	}
	return data
}

// Rule says which events go where.
type Rule struct {
	ARN     string
	Pattern *pattern.Pattern
	Targets []Target
}

// Store holds buses.
type Store struct {
	faults *Faults
	log    func(line string)

	mu          sync.Mutex
	rules       map[string][]Rule // by the bus's name
	events      []Event           // the latest, in the order in which they were put
	subscribers map[chan Event]struct{}

	deliveries sync.WaitGroup
	closing    sync.RWMutex // held for reading while a delivery begins
	stopped    bool
	stopping   chan struct{}
}

// New returns a store with the default bus alone. Faults may be nil; log receives messages for the log.
func New(faults *Faults, log func(line string)) *Store {
	if faults == nil {
		faults = &Faults{}
	}
	return &Store{
		faults: faults, log: log, rules: map[string][]Rule{Default: nil}, subscribers: map[chan Event]struct{}{}, stopping: make(chan struct{}),
	}
}

// Create adds a bus, and reports whether the name was free.
func (s *Store) Create(bus string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rules[bus]; ok {
		return false
	}
	s.rules[bus] = nil
	return true
}

// Has reports whether there is such a bus.
func (s *Store) Has(bus string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rules[bus]
	return ok
}

// AddRule adds a rule to a bus, and reports whether there is such a bus.
func (s *Store) AddRule(bus string, r Rule) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rules[bus]; !ok {
		return false
	}
	s.rules[bus] = append(s.rules[bus], r)
	return true
}

// Events returns the events that have been put, in order: the latest ten
// thousand.
func (s *Store) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Subscribe returns a channel with every event that is put from now on, until cancel is called, which closes the
// channel. Events that do not fit into the channel's buffer are left out.
func (s *Store) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	subscriber := make(chan Event, buffer)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[subscriber] = struct{}{}
	return subscriber, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, ok := s.subscribers[subscriber]; ok {
			delete(s.subscribers, subscriber)
			close(subscriber)
		}
	}
}

// Put puts an event on a bus, and returns its id. As with EventBridge, an event for a bus that does not exist is
// accepted and reaches no target.
func (s *Store) Put(e Event) string {
	e.ID = function.NewRequestID()
	s.mu.Lock()
	rules, ok := s.rules[e.Bus]
	if ok {
		s.remember(e)
	}
	s.mu.Unlock()
	if !ok {
		s.log(fmt.Sprintf("the event %s of the type %q is lost: there is no bus %q", e.ID, e.DetailType, e.Bus))
		return e.ID
	}
	data := e.JSON()
	for _, r := range rules {
		if r.Pattern.MatchJSON(data) {
			s.Dispatch(r, data)
		}
	}
	return e.ID
}

// remember stores an event and passes it to the subscribers. The caller holds
// mu.
func (s *Store) remember(e Event) {
	if len(s.events) >= keptEvents {
		s.events = slices.Delete(s.events, 0, len(s.events)-keptEvents+1)
	}
	s.events = append(s.events, e)
	for subscriber := range s.subscribers {
		select {
		case subscriber <- e:
		default:
		}
	}
}

// Stop starts no further delivery, and waits for those under way.
func (s *Store) Stop() {
	s.closing.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
	s.closing.Unlock()
	s.deliveries.Wait()
}

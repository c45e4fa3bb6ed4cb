package usage

import (
	"maps"

	"drawdown/shared/credit"
	"drawdown/shared/rating"
)

// Kind is what a sheet aggregates.
type Kind string

// The kinds of sheets.
const (
	AccountDay Kind = "account_day" // a day of an account
	AgentMonth Kind = "agent_month" // a month of an agent, by day
	AgentDay   Kind = "agent_day"   // a day of an agent
)

// Key names a sheet of an account.
type Key struct {
	Kind   Kind
	Agent  string // empty in an AccountDay
	Period string // a day, 2006-01-02, or a month, 2006-01
}

// Counts are what is counted of debits.
type Counts struct {
	Credits       credit.Amount
	Debits        int64
	Messages      int64
	Conversations int64
}

// NodeCounts are what is counted of the lines of one node/action.
type NodeCounts struct {
	Credits  credit.Amount
	Quantity credit.Amount
	Lines    int64
}

// Content is what a sheet holds, or what is added to it. A day has counts,
// channels and nodes; a month has days and the agent's name.
type Content struct {
	Counts
	Channels map[string]credit.Amount
	Nodes    map[rating.Item]NodeCounts
	Days     map[string]Counts
	Name     string // the agent's latest; empty: none given
}

// Sheet is a stored aggregate.
type Sheet struct {
	Key
	Epoch int64 // of the rebuild that made it
	Upto  int64 // the seq of the last entry in it
	Content
	// Unreadable is what could not be read of the stored sheet; empty: nothing.
	Unreadable string
}

// Delta is what a run adds to one sheet.
type Delta struct {
	Key
	First, Last int64 // the seqs of the first and the last of the run's entries in it
	Content
}

// Mark is how far an account's ledger is folded.
type Mark struct {
	Epoch      int64  // counts rebuilds
	Seq        int64  // every entry up to it is folded
	Rebuild    int64  // a rebuild is under way, and done when this entry is folded; 0: none
	Quarantine string // why the account is no longer folded; empty: it is folded
}

// Conversation is a conversation with an agent.
type Conversation struct {
	Agent string
	ID    string
}

// Sighting is the first entry of a run that has a conversation.
type Sighting struct {
	Conversation
	Seq int64
}

func (c *Counts) add(other Counts) error {
	credits, err := credit.Add(c.Credits, other.Credits)
	if err != nil {
		return err
	}
	c.Credits = credits
	c.Debits += other.Debits
	c.Messages += other.Messages
	c.Conversations += other.Conversations
	return nil
}

// add adds other. A quantity that can no longer be represented stays at the
// maximum: quantities of cheap items may be huge, and they do not affect the
// price.
func (n *NodeCounts) add(other NodeCounts) error {
	credits, err := credit.Add(n.Credits, other.Credits)
	if err != nil {
		return err
	}
	quantity, err := credit.Add(n.Quantity, other.Quantity)
	if err != nil {
		quantity = credit.Max
	}
	n.Credits, n.Quantity = credits, quantity
	n.Lines += other.Lines
	return nil
}

// Add adds other to the content. It fails with credit.ErrOverflow.
func (c *Content) Add(other Content) error {
	if err := c.add(other.Counts); err != nil {
		return err
	}
	for channel, credits := range other.Channels {
		sum, err := credit.Add(c.Channels[channel], credits)
		if err != nil {
			return err
		}
		put(&c.Channels, channel, sum)
	}
	for item, counts := range other.Nodes {
		sum := c.Nodes[item]
		if err := sum.add(counts); err != nil {
			return err
		}
		put(&c.Nodes, item, sum)
	}
	for day, counts := range other.Days {
		sum := c.Days[day]
		if err := sum.add(counts); err != nil {
			return err
		}
		put(&c.Days, day, sum)
	}
	if other.Name != "" {
		c.Name = other.Name
	}
	return nil
}

func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// Clone is a copy that shares nothing.
func (c Content) Clone() Content {
	c.Channels, c.Nodes, c.Days = maps.Clone(c.Channels), maps.Clone(c.Nodes), maps.Clone(c.Days)
	return c
}

// Attributes counts the numbers in the content: what a store writes.
func (c Content) Attributes() int {
	const perCounts, perNode = 4, 3
	return perCounts + len(c.Channels) + perNode*len(c.Nodes) + perCounts*len(c.Days)
}

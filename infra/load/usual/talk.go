package usual

import (
	"fmt"
	"math/rand/v2"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// What is typical of conversations: an agent has several open at a time, each has
// several messages, and a message is a debit of a few lines.
const (
	openAnAgent = 3
	minMessages = 4
	maxMessages = 8
	maxLines    = 3
	maxQuantity = 4
)

// Agent returns the n-th agent of an account.
func Agent(n int) ledger.Agent {
	return ledger.Agent{ID: fmt.Sprintf("agent_support_%03d", n), Name: fmt.Sprintf("Support agent %d", n)}
}

// Talk is a sequence of debits by an account's agents. It is the same every time,
// so that its costs can be compared.
type Talk struct {
	agents int
	at     time.Time
	random *rand.Rand
	open   []thread
	begun  int
}

type thread struct {
	conversation, channel string
	left                  int // messages
}

// NewTalk returns the talk of that many agents, all at the given instant.
func NewTalk(agents int, at time.Time) *Talk {
	return &Talk{agents: agents, at: at, random: rand.New(rand.NewPCG(1, 2)), open: make([]thread, openAnAgent*agents)}
}

// Step is a debit of a talk.
type Step struct {
	ledger.Debit
	Begins bool // a conversation
}

// Next returns the next debit.
func (t *Talk) Next() Step {
	place := t.random.IntN(len(t.open))
	thread := &t.open[place]
	begins := thread.left == 0
	if begins {
		t.begun++
		thread.conversation = fmt.Sprintf("01KBM2Q6Z4W8T3E9XV%08d", t.begun)
		thread.channel = Channels[t.random.IntN(len(Channels))]
		thread.left = minMessages + t.random.IntN(maxMessages-minMessages+1)
	}
	thread.left--
	lines := make([]rating.Line, 1+t.random.IntN(maxLines))
	for i := range lines {
		lines[i] = rating.Line{Item: item(t.random.IntN(len(Nodes))), Quantity: credit.Amount(1+t.random.IntN(maxQuantity)) * credit.Credit}
	}
	return Step{ledger.Debit{
		Agent: Agent(place % t.agents), Channel: thread.channel, Conversation: thread.conversation, Messages: 1, Run: run,
		OccurredAt: &t.at, Lines: lines,
	}, begins}
}

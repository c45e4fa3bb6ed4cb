// Package demo fills a running platform with the history of one account, then
// sends live traffic, using only the public API.
//
// The history is random with a fixed seed: the same every time, except for the
// day on which it ends.
package demo

import (
	"math/rand/v2"
	"strconv"
	"time"
)

const (
	// Account is the demo account.
	Account = "demo"
	zone    = "Europe/Berlin"

	// Days is how far back the history goes.
	Days = 60
	seed = 20261

	// conversationsADay is the mean on a working day.
	conversationsADay = 26
)

type agent struct {
	id, name string
	weight   float64 // of the conversations
	channels []weighted
	extras   []extra // actions of its messages in addition to the reply
	reports  bool    // runs at night, without users
}

type weighted struct {
	name   string
	weight float64
}

// extra is an action that a message causes with some probability.
type extra struct {
	node, action string
	chance       float64
	most         int // quantity is 1 to most
}

var agents = []agent{
	{id: "support-concierge", name: "Support Concierge", weight: 0.34,
		channels: []weighted{{"widget", 5}, {"whatsapp", 3}, {"chat_portal", 2}},
		extras:   []extra{{"knowledge_search", "query", 0.7, 2}, {"ticket", "create", 0.08, 1}, {"translation", "run", 0.12, 3}}},
	{id: "order-tracker", name: "Order Tracker", weight: 0.24,
		channels: []weighted{{"whatsapp", 6}, {"widget", 3}, {"api", 1}},
		extras:   []extra{{"http_request", "call", 0.8, 2}, {"knowledge_search", "query", 0.2, 1}}},
	{id: "sales-scout", name: "Sales Scout", weight: 0.16,
		channels: []weighted{{"chat_portal", 4}, {"widget", 4}, {"api", 2}},
		extras:   []extra{{"web_search", "query", 0.5, 3}, {"crm_lookup", "read", 0.6, 1}, {"email", "send", 0.15, 1}}},
	{id: "booking-desk", name: "Booking Desk", weight: 0.14,
		channels: []weighted{{"whatsapp", 5}, {"widget", 3}, {"api", 2}},
		extras:   []extra{{"calendar", "book", 0.3, 1}, {"http_request", "call", 0.4, 1}, {"speech", "transcribe", 0.2, 2}}},
	{id: "hr-helper", name: "HR Helper", weight: 0.07,
		channels: []weighted{{"chat_portal", 8}, {"test_chat", 2}},
		extras:   []extra{{"knowledge_search", "query", 0.9, 2}, {"document", "parse", 0.15, 6}}},
	{id: "insights-reporter", name: "Insights Reporter", weight: 0.05, reports: true,
		channels: []weighted{{"reports", 1}},
		extras:   []extra{{"data_query", "run", 1, 8}, {"document", "parse", 0.5, 10}}},
}

type rate struct {
	node, action, label, unit, perUnit string
}

var rates = []rate{
	{"ai_reply", "run", "AI reply", "reply", "1.5"},
	{"ai_reply", "run_large", "AI reply, large model", "reply", "6"},
	{"knowledge_search", "query", "Knowledge base search", "search", "0.25"},
	{"web_search", "query", "Web search", "search", "1"},
	{"http_request", "call", "HTTP request", "call", "0.1"},
	{"crm_lookup", "read", "CRM lookup", "record", "0.2"},
	{"email", "send", "E-mail", "message", "0.5"},
	{"calendar", "book", "Calendar booking", "booking", "0.75"},
	{"ticket", "create", "Support ticket", "ticket", "0.4"},
	{"translation", "run", "Translation", "1k characters", "0.35"},
	{"speech", "transcribe", "Speech to text", "minute", "0.8"},
	{"document", "parse", "Document parsing", "page", "0.6"},
	{"data_query", "run", "Data query", "query", "0.9"},
}

// line is one priced action of a debit.
type line struct {
	Node     string `json:"node"`
	Action   string `json:"action"`
	Quantity string `json:"quantity"`
}

type agentRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// debit is one debit as the API takes it.
type debit struct {
	AccountID      string   `json:"account_id"`
	OperationID    string   `json:"operation_id"`
	Agent          agentRef `json:"agent"`
	Channel        string   `json:"channel"`
	ConversationID string   `json:"conversation_id,omitempty"`
	Messages       int      `json:"messages"`
	RunID          string   `json:"run_id"`
	OccurredAt     string   `json:"occurred_at"`
	Lines          []line   `json:"lines"`
}

// history returns the account's debits up to an instant, day by day.
func history(until time.Time) []debit {
	chance := rand.New(rand.NewPCG(seed, seed))
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC
	}
	today := until.In(location)
	var debits []debit
	for back := Days; back >= 0; back-- {
		day := time.Date(today.Year(), today.Month(), today.Day()-back, 0, 0, 0, 0, location)
		for i := range conversations(chance, day, back) {
			debits = append(debits, conversation(chance, day, i, until)...)
		}
	}
	return debits
}

// conversations returns how many conversations a day has: few at weekends, more as
// time goes on, and many on one day.
func conversations(chance *rand.Rand, day time.Time, back int) int {
	mean := conversationsADay * (1 + 0.4*float64(Days-back)/Days)
	switch day.Weekday() {
	case time.Saturday:
		mean *= 0.35
	case time.Sunday:
		mean *= 0.22
	case time.Monday:
		mean *= 1.15
	default:
	}
	if back == 17 {
		mean *= 2.4 // a campaign
	}
	return int(mean * (0.85 + 0.3*chance.Float64()))
}

func conversation(chance *rand.Rand, day time.Time, number int, until time.Time) []debit {
	who := pickAgent(chance)
	at := day.Add(hour(chance, who.reports))
	channel := pick(chance, who.channels)
	id := who.id + "-" + day.Format("0102") + "-" + strconv.Itoa(number)
	messages := 1 + int(chance.ExpFloat64()*2.2)
	if who.reports {
		messages = 1
	}
	var debits []debit
	for i := range min(messages, 9) {
		d := message(chance, who, channel, id, i)
		d.OccurredAt = at.UTC().Format(time.RFC3339)
		at = at.Add(time.Duration(20+chance.IntN(220)) * time.Second)
		if at.Before(until) {
			debits = append(debits, d)
		}
	}
	return debits
}

func message(chance *rand.Rand, who agent, channel, conversation string, number int) debit {
	reply := line{"ai_reply", "run", "1"}
	if chance.Float64() < 0.07 {
		reply.Action = "run_large"
	}
	d := debit{
		AccountID:      Account,
		OperationID:    conversation + "-" + strconv.Itoa(number),
		Agent:          agentRef{who.id, who.name},
		Channel:        channel,
		ConversationID: conversation,
		Messages:       1,
		RunID:          "run-" + strconv.FormatUint(chance.Uint64(), 36),
		Lines:          []line{reply},
	}
	for _, extra := range who.extras {
		if chance.Float64() < extra.chance {
			d.Lines = append(d.Lines, line{extra.node, extra.action, strconv.Itoa(1 + chance.IntN(extra.most))})
		}
	}
	return d
}

// hour returns a time of day: people write in the morning and the afternoon, reports run at night.
func hour(chance *rand.Rand, night bool) time.Duration {
	peak, spread := 10.5, 2.0
	switch {
	case night:
		peak, spread = 3, 0.7
	case chance.Float64() < 0.55:
		peak, spread = 15.5, 2.6
	}
	hours := min(23.8, max(0.1, peak+spread*chance.NormFloat64()))
	return time.Duration(hours * float64(time.Hour))
}

func pickAgent(chance *rand.Rand) agent {
	at := chance.Float64()
	for _, who := range agents {
		if at -= who.weight; at < 0 {
			return who
		}
	}
	return agents[0]
}

func pick(chance *rand.Rand, options []weighted) string {
	var sum float64
	for _, option := range options {
		sum += option.weight
	}
	at := chance.Float64() * sum
	for _, option := range options {
		if at -= option.weight; at < 0 {
			return option.name
		}
	}
	return options[0].name
}

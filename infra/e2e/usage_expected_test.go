package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

// foldLimit bounds the wait for usage; far more than it takes on a quiet machine, even after a delivery that failed often.
const foldLimit = 90 * time.Second

// channels are all that the platform knows, with their labels, in the order in which usage tells them.
var channels = []struct{ id, label string }{
	{"api", "API"}, {"widget", "Widget"}, {"chat_portal", "Chat Portal"}, {"whatsapp", "WhatsApp"}, {"test_chat", "Test Chat"}, {"reports", "Reports"},
}

type usageCounts struct {
	Credits       credits `json:"credits"`
	Debits        int64   `json:"debits"`
	Messages      int64   `json:"messages"`
	Conversations int64   `json:"conversations"`
}

func (c *usageCounts) add(other usageCounts) {
	c.Credits += other.Credits
	c.Debits += other.Debits
	c.Messages += other.Messages
	c.Conversations += other.Conversations
}

type usageGroup struct {
	Key           string   `json:"key"`
	Label         string   `json:"label"`
	Credits       credits  `json:"credits"`
	Debits        *int64   `json:"debits,omitempty"`
	Messages      *int64   `json:"messages,omitempty"`
	Conversations *int64   `json:"conversations,omitempty"`
	Quantity      *credits `json:"quantity,omitempty"`
	Unit          *string  `json:"unit,omitempty"`
	Lines         *int64   `json:"lines,omitempty"`
}

func (g *usageGroup) count(c usageCounts) {
	g.Credits, g.Debits, g.Messages, g.Conversations = c.Credits, &c.Debits, &c.Messages, &c.Conversations
}

type usageBody struct {
	AccountID string       `json:"account_id"`
	From      string       `json:"from"`
	To        string       `json:"to"`
	TimeZone  string       `json:"time_zone"`
	GroupBy   string       `json:"group_by"`
	AgentID   string       `json:"agent_id"`
	AsOfSeq   int64        `json:"as_of_seq"`
	Total     usageCounts  `json:"total"`
	Groups    []usageGroup `json:"groups"`
}

type drift struct {
	Where  string `json:"where"`
	Ledger string `json:"ledger"`
	Stored string `json:"stored"`
}

type auditBody struct {
	AccountID string             `json:"account_id"`
	Clean     bool               `json:"clean"`
	Seq       int64              `json:"seq"`
	Entries   map[string]int64   `json:"entries"`
	Credits   map[string]credits `json:"credits"`
	Balance   balance            `json:"balance"`
	Usage     struct {
		Seq         int64 `json:"seq"`
		Sheets      int64 `json:"sheets"`
		Quarantined bool  `json:"quarantined"`
	} `json:"usage"`
	Drift []drift `json:"drift"`
}

// fact is what usage must hold of one debit, or of one reversal.
type fact struct {
	seq          int64
	day          string
	channel      string
	agent        agent
	conversation string
	counts       usageCounts // without the conversation, which depends on what came before
	nodes        []nodeFact
}

type nodeFact struct {
	key               string // node/action
	credits, quantity credits
	lines             int64
}

// price is what a quantity of a node costs by the first rate card, rounded half up.
func price(node string, quantity credits) credits {
	for _, rate := range firstRates {
		if rate["node"] == node {
			product := int64(quantity) * int64(amount(rate["credits_per_unit"].(string))) //nolint:errcheck // it is written down a few lines from here, as a string
			return credits((product + 500_000) / 1_000_000)
		}
	}
	panic("there is no rate for " + node)
}

// rateText is a text of a node/action of the first rate card, such as its label.
func rateText(key, member string) string {
	for _, rate := range firstRates {
		if fmt.Sprintf("%s/%s", rate["node"], rate["action"]) == key {
			return fmt.Sprint(rate[member])
		}
	}
	return ""
}

// factOf is what a debit must leave in usage, by what was sent; its seq is to be filled in.
func factOf(of body, day string) fact {
	f := fact{day: day, channel: of["channel"].(string), counts: usageCounts{Debits: 1}} //nolint:errcheck // the test has made it
	sentBy := of["agent"].(body)                                                         //nolint:errcheck // the test has made it
	f.agent = agent{ID: sentBy["id"].(string), Name: sentBy["name"].(string)}            //nolint:errcheck // the test has made it
	if messages, given := of["messages"].(int); given {
		f.counts.Messages = int64(messages)
	}
	f.conversation, _ = of["conversation_id"].(string)
	for _, line := range of["lines"].([]body) { //nolint:errcheck // the test has made it
		node, quantity := line["node"].(string), line["quantity"].(credits) //nolint:errcheck // the test has made it
		charge := price(node, quantity)
		f.counts.Credits += charge
		f.nodes = append(f.nodes, nodeFact{fmt.Sprintf("%s/%s", node, line["action"]), charge, quantity, 1})
	}
	return f
}

// facts are what an account's usage must hold, in any order.
type facts []fact

// counted are the facts by seq, with each conversation counted where it is first.
func (all facts) counted() facts {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b fact) int { return cmp.Compare(a.seq, b.seq) })
	seen := map[[2]string]bool{}
	for i, f := range sorted {
		key := [2]string{f.agent.ID, f.conversation}
		if f.conversation != "" && !seen[key] {
			seen[key] = true
			sorted[i].counts.Conversations = 1
		}
	}
	return sorted
}

// within are those of counted facts in a range of days and of an agent; of all agents if it is empty.
func (all facts) within(from, to, agentID string) facts {
	var some facts
	for _, f := range all {
		if from <= f.day && f.day <= to && (agentID == "" || f.agent.ID == agentID) {
			some = append(some, f)
		}
	}
	return some
}

func (all facts) total() usageCounts {
	var sum usageCounts
	for _, f := range all {
		sum.add(f.counts)
	}
	return sum
}

// groups is what usage must say of counted facts.
func (all facts) groups(grouping, from, to string) []usageGroup {
	switch grouping {
	case "day":
		return all.byDay(from, to)
	case "channel":
		groups := make([]usageGroup, len(channels))
		for i, channel := range channels {
			groups[i] = usageGroup{Key: channel.id, Label: channel.label}
			for _, f := range all {
				if f.channel == channel.id {
					groups[i].Credits += f.counts.Credits
				}
			}
		}
		return groups
	case "agent":
		return all.byAgent()
	case "node":
		return all.byNode()
	}
	panic("there is no grouping " + grouping)
}

func (all facts) byDay(from, to string) []usageGroup {
	groups := []usageGroup{}
	for _, day := range daysBetween(from, to) {
		group := usageGroup{Key: day, Label: day}
		group.count(all.within(day, day, "").total())
		groups = append(groups, group)
	}
	return groups
}

func daysBetween(from, to string) []string {
	var days []string
	for at := day(from); at.Format(time.DateOnly) <= to; at = at.AddDate(0, 0, 1) {
		days = append(days, at.Format(time.DateOnly))
	}
	return days
}

// day reads a day. A text that is none is a fault of the test.
func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func (all facts) byAgent() []usageGroup {
	sums, names := map[string]*usageCounts{}, map[string]string{}
	for _, f := range all {
		if sums[f.agent.ID] == nil {
			sums[f.agent.ID] = &usageCounts{}
			names[f.agent.ID] = f.agent.ID
		}
		sums[f.agent.ID].add(f.counts)
		if f.agent.Name != "" {
			names[f.agent.ID] = f.agent.Name
		}
	}
	groups := []usageGroup{}
	for id, sum := range sums {
		group := usageGroup{Key: id, Label: names[id]}
		group.count(*sum)
		groups = append(groups, group)
	}
	return costliestFirst(groups)
}

func (all facts) byNode() []usageGroup {
	sums := map[string]*nodeFact{}
	for _, f := range all {
		for _, n := range f.nodes {
			if sums[n.key] == nil {
				sums[n.key] = &nodeFact{}
			}
			sums[n.key].credits += n.credits
			sums[n.key].quantity += n.quantity
			sums[n.key].lines += n.lines
		}
	}
	groups := []usageGroup{}
	for key, sum := range sums {
		unit := rateText(key, "unit")
		groups = append(groups, usageGroup{
			Key: key, Label: rateText(key, "label"), Credits: sum.credits, Quantity: &sum.quantity, Unit: &unit, Lines: &sum.lines,
		})
	}
	return costliestFirst(groups)
}

func costliestFirst(groups []usageGroup) []usageGroup {
	slices.SortFunc(groups, func(a, b usageGroup) int {
		return cmp.Or(cmp.Compare(b.Credits, a.Credits), strings.Compare(a.Key, b.Key))
	})
	return groups
}

func usageRequest(account, from, to, grouping, agentID string) request {
	query := url.Values{}
	for name, value := range map[string]string{"from": from, "to": to, "group_by": grouping, "agent_id": agentID} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return request{route: httpapi.GetUsage, path: []string{account}, query: query}
}

func usageOf(t *testing.T, account, from, to, grouping, agentID string) usageBody {
	t.Helper()
	return read[usageBody](t, admin(t).call(usageRequest(account, from, to, grouping, agentID)), http.StatusOK)
}

var groupings = []string{"day", "channel", "agent", "node"}

// checkUsage compares what the platform says of a range with what it must be, by all groupings: of all agents, and of
// those given.
func checkUsage(t *testing.T, account string, all facts, from, to string, agents ...string) {
	t.Helper()
	counted := all.counted()
	for _, agentID := range append([]string{""}, agents...) {
		some := counted.within(from, to, agentID)
		for _, grouping := range groupings {
			what := fmt.Sprintf("usage of %s from %s to %s by %s, agent %q", account, from, to, grouping, agentID)
			got := usageOf(t, account, from, to, grouping, agentID)
			equal(t, what+": the question", fmt.Sprint(got.AccountID, got.From, got.To, got.GroupBy, got.AgentID), fmt.Sprint(account, from, to, grouping, agentID))
			equal(t, what+": total", got.Total, some.total())
			equal(t, what+": groups", asJSON(t, got.Groups), asJSON(t, some.groups(grouping, from, to)))
			var sum credits
			for _, group := range got.Groups {
				sum += group.Credits
			}
			equal(t, what+": the sum of the groups", sum, got.Total.Credits)
		}
	}
}

// awaitUsage waits until usage holds all of an account's ledger.
func awaitUsage(t *testing.T, accounts ...string) {
	t.Helper()
	for _, account := range accounts {
		seq := walletOf(t, account).Seq
		var asOf int64
		if !eventually(t, foldLimit, func() bool { asOf = asOfSeq(t, account); return asOf == seq }) {
			t.Fatalf("after %v usage of %s holds %d entries of %d", foldLimit, account, asOf, seq)
		}
	}
}

func asOfSeq(t *testing.T, account string) int64 {
	t.Helper()
	return usageOf(t, account, "", "", "channel", "").AsOfSeq
}

func auditOf(t *testing.T, account string) auditBody {
	t.Helper()
	return read[auditBody](t, admin(t).call(request{route: httpapi.GetAudit, path: []string{account}}), http.StatusOK)
}

// checkAudit sees that the proof of an account is clean and complete.
func checkAudit(t *testing.T, account string) auditBody {
	t.Helper()
	now, proof := walletOf(t, account), auditOf(t, account)
	if !proof.Clean || len(proof.Drift) > 0 || proof.Usage.Quarantined {
		t.Errorf("the audit of %s is not clean: %+v", account, proof)
	}
	equal(t, "audited up to", proof.Seq, now.Seq)
	equal(t, "usage audited up to", proof.Usage.Seq, now.Seq)
	equal(t, "the balance that the ledger folds to", proof.Balance.Available, now.Available)
	return proof
}

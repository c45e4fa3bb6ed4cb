package ledgertest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// Start is when generated histories begin.
var Start = time.Date(2026, time.November, 1, 5, 30, 0, 0, time.UTC) // a little before New York's clocks go back

// Cards are the rate cards of generated histories; the second comes into force
// while they go on.
func Cards() []rating.Card {
	rate := func(node string, perUnit credit.Amount) rating.Rate {
		return rating.Rate{Item: rating.Item{Node: node, Action: "run"}, Label: node, Unit: "run", PerUnit: perUnit}
	}
	return []rating.Card{
		{Version: "v1", EffectiveAt: Start.Add(-48 * time.Hour), Rates: []rating.Rate{
			rate("ai_reply", 1_500_000), rate("free", 0), rate("search", 1), rate("speck", 333_333),
		}},
		{Version: "v2", EffectiveAt: Start.Add(12 * time.Hour), Rates: []rating.Rate{
			rate("ai_reply", 2*credit.Credit), rate("free", 0), rate("search", 499_999),
		}},
	}
}

// Rules are the rules of generated histories.
func Rules() ledger.Rules {
	return ledger.Rules{MaxBackdate: 35 * 24 * time.Hour, MaxAhead: 5 * time.Minute, Channels: []string{"api", "widget"}}
}

// Step is some commands at one instant; more than one are a batch.
type Step struct {
	Now      time.Time
	Commands []ledger.Command
}

// History generates commands that refer to one another: retries, reuses of an
// id, reversals of debits. The zero value is ready.
type History struct {
	Single bool // no batches
	// Reference has the results of the commands so far, for those that need them:
	// which refill is in flight, how often something was taken back. If it is nil
	// they guess.
	Reference *Reference

	now    time.Time
	sent   []ledger.Command
	debits []ledger.OperationID
	grants []ledger.OperationID
	undone []ledger.OperationID // of the grants, what was to be taken back
	made   int
}

// Open is the step that opens the account. A few histories leave it to chance.
func (h *History) Open(t *rapid.T) Step {
	h.now = Start
	return Step{h.now, []ledger.Command{{Action: ledger.Configure{Settings: anySettings(t, "UTC", "Asia/Kathmandu", "America/New_York")}}}}
}

// Next generates the next step.
func (h *History) Next(t *rapid.T) Step {
	h.passTime(t)
	count := 1
	if !h.Single && rapid.IntRange(0, 5).Draw(t, "batch?") == 0 {
		count = rapid.IntRange(2, 6).Draw(t, "batch")
	}
	step := Step{Now: h.now}
	for range count {
		step.Commands = append(step.Commands, h.command(t))
	}
	return step
}

// passTime mostly goes on a little, at times far, at times back as clocks of two machines do.
func (h *History) passTime(t *rapid.T) {
	h.now = h.now.Add(rapid.SampledFrom([]time.Duration{
		0, 0, 0, time.Millisecond, time.Second, time.Minute, time.Hour, 7 * time.Hour, -time.Second, 25 * time.Hour, 31 * 24 * time.Hour,
	}).Draw(t, "time passes"))
}

func (h *History) command(t *rapid.T) ledger.Command {
	kind := OneOf(t, 20, "kind")
	switch {
	case kind < 7: // an operation of a caller, below
	case kind < 10 && len(h.sent) > 0: // a retry
		return rapid.SampledFrom(h.sent).Draw(t, "retried")
	case kind == 10 && len(h.sent) > 0: // a reuse of an id
		return ledger.Keyed(rapid.SampledFrom(h.sent).Draw(t, "reused").Operation, h.action(t))
	case kind == 11:
		return ledger.Command{Action: ledger.Configure{Settings: anySettings(t, "UTC", "Asia/Kathmandu", "America/New_York", "Mars/Phobos", "")}}
	case kind == 12:
		return ledger.Command{Action: ledger.ExpireGrants{}}
	default:
		command := h.payment(t)
		if command.Operation != "" {
			h.sent = append(h.sent, command)
			h.grants = append(h.grants, command.Operation)
		}
		return command
	}
	h.made++
	id := ledger.OperationID(fmt.Sprintf("op-%d", h.made))
	command := ledger.Keyed(id, h.action(t))
	h.sent = append(h.sent, command)
	switch command.Action.(type) {
	case ledger.Debit:
		h.debits = append(h.debits, id)
	case ledger.AddGrant:
		h.grants = append(h.grants, id)
	}
	return command
}

// OneOf draws a number below n, each as likely as the others: rapid's own ranges
// prefer low numbers, and the last of many would hardly ever be drawn.
func OneOf(t *rapid.T, n int, label string) int {
	const bits = 8
	drawn := 0
	for _, bit := range rapid.SliceOfN(rapid.Bool(), bits, bits).Draw(t, label) {
		drawn *= 2
		if bit {
			drawn++
		}
	}
	return drawn * n >> bits
}

func (h *History) action(t *rapid.T) ledger.Action {
	kind := OneOf(t, 10, "action")
	switch {
	case kind >= 5 && kind < 7 && len(h.reversibles()) > 0:
		return AnyReversal(t, h.reversibles())
	case kind >= 7:
		return AnyGrant(t, h.now)
	}
	return AnyDebit(t, h.now)
}

// reversibles is what a reversal may name: debits, and an id that may not be a
// debit's.
func (h *History) reversibles() []ledger.OperationID {
	if h.made == 0 {
		return nil
	}
	return append(h.debits[:len(h.debits):len(h.debits)], "op-1")
}

// AnyDebit generates a debit near an instant: mostly one that is accepted where
// there are credits for it, else one that may be wrong in any way.
func AnyDebit(t *rapid.T, now time.Time) ledger.Debit {
	items, channels := []string{"ai_reply", "search", "free"}, []string{"api", "widget"}
	offsets := []time.Duration{0, -time.Hour, -24 * time.Hour, 5 * time.Minute}
	if OneOf(t, 4, "dubious") == 3 {
		items, channels = append(items, "speck", "unknown"), append(channels, "fax")
		offsets = []time.Duration{-36 * 24 * time.Hour, -35 * 24 * time.Hour, -24 * time.Hour, -time.Hour, 0, 5 * time.Minute, 5*time.Minute + time.Millisecond}
	}
	lines := make([]rating.Line, rapid.IntRange(1, 3).Draw(t, "lines"))
	for i := range lines {
		lines[i] = rating.Line{
			Item:     rating.Item{Node: rapid.SampledFrom(items).Draw(t, "node"), Action: "run"},
			Quantity: credit.Amount(rapid.SampledFrom([]int64{1, 499_999, 500_000, 1_000_000, 2_000_000, 7_250_001, 20_000_000}).Draw(t, "quantity")),
		}
	}
	return ledger.Debit{
		Agent:        ledger.Agent{ID: rapid.SampledFrom([]string{"a1", "a2"}).Draw(t, "agent"), Name: "Agent"},
		Channel:      rapid.SampledFrom(channels).Draw(t, "channel"),
		Conversation: rapid.SampledFrom([]string{"", "c1"}).Draw(t, "conversation"),
		Messages:     int64(rapid.IntRange(0, 2).Draw(t, "messages")),
		Run:          rapid.SampledFrom([]string{"", "r1"}).Draw(t, "run"),
		OccurredAt:   anyInstant(t, "occurred at", now, offsets...),
		Lines:        lines,
	}
}

// AnyGrant generates a grant near an instant, good or not.
func AnyGrant(t *rapid.T, now time.Time) ledger.AddGrant {
	amounts := []int64{1, 3_000_000, 5_000_000, 5_000_000, 8_000_000, 10_000_000, 10_000_000, 12_500_000, 25_000_001, 25_000_001, int64(credit.Max) - 5_000_000}
	return ledger.AddGrant{
		Amount:      credit.Amount(rapid.SampledFrom(amounts).Draw(t, "amount")),
		Source:      rapid.SampledFrom([]ledger.Source{ledger.FromPromo, ledger.FromPurchase, ledger.FromAdjustment}).Draw(t, "source"),
		Priority:    rapid.Ptr(rapid.SampledFrom([]int{-1, 0, 50, 100, 101}), true).Draw(t, "priority"),
		EffectiveAt: anyInstant(t, "effective at", now, -time.Hour, 0, time.Millisecond, time.Hour, 26*time.Hour),
		ExpiresAt:   anyInstant(t, "expires at", now, 0, time.Millisecond, time.Second, time.Hour, 8*time.Hour, 26*time.Hour),
		Reason:      rapid.SampledFrom([]string{"", "welcome"}).Draw(t, "reason"),
	}
}

// AnyReversal generates a reversal of one of the operations, whole or in part.
func AnyReversal(t *rapid.T, operations []ledger.OperationID) ledger.ReverseDebit {
	amounts := []credit.Amount{1, 500_000, 1_000_000, 1_500_000, 3_000_000, 40_000_000, 0}
	return ledger.ReverseDebit{
		Of:      rapid.SampledFrom(operations).Draw(t, "of"),
		Credits: rapid.Ptr(rapid.SampledFrom(amounts), true).Draw(t, "credits"),
		Reason:  rapid.SampledFrom([]string{"", "refunded"}).Draw(t, "reason"),
	}
}

func anySettings(t *rapid.T, zones ...string) ledger.Settings {
	settings := ledger.Settings{
		Name:       rapid.SampledFrom([]string{"Acme", "Acme Ltd"}).Draw(t, "name"),
		Zone:       rapid.SampledFrom(zones).Draw(t, "zone"),
		Status:     rapid.SampledFrom([]ledger.Status{ledger.Active, ledger.Active, ledger.Active, ledger.Active, ledger.Active, ledger.Active, ledger.Active, ledger.Suspended}).Draw(t, "status"),
		LowBalance: credit.Amount(rapid.SampledFrom([]int64{0, 4_000_000, 12_000_000}).Draw(t, "low balance")),
	}
	switch rapid.IntRange(0, 3).Draw(t, "overage") {
	case 1:
		settings.Overage = &ledger.Overage{Policy: ledger.Block}
	case 2, 3:
		settings.Overage = &ledger.Overage{
			Policy: ledger.Bill,
			Limit:  credit.Amount(rapid.SampledFrom([]int64{0, 1, 2_000_000, 30_000_000}).Draw(t, "limit")),
		}
	}
	return settings
}

func anyInstant(t *rapid.T, label string, now time.Time, offsets ...time.Duration) *time.Time {
	if rapid.IntRange(0, 2).Draw(t, label+"?") == 0 {
		return nil
	}
	at := now.Add(rapid.SampledFrom(offsets).Draw(t, label))
	return &at
}

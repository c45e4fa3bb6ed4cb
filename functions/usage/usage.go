package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/usage"
)

// defaultDays is the default range of a query.
const defaultDays = 30

// sheets are the accounts' usage by day or month, and how far it is folded.
type sheets interface {
	LaggingMark(ctx context.Context, account string) (usage.Mark, error)
	Days(ctx context.Context, account, first, last string) ([]usage.Sheet, error)
	AgentDays(ctx context.Context, account, agent, first, last string) ([]usage.Sheet, error)
	LaggingAgentMonths(ctx context.Context, account, first, last string) ([]usage.Sheet, error)
}

// usage answers a usage query: one Query of the sheets, and two single items,
// the account's zone and how far it is folded.
func (h *handler) usage(ctx context.Context, query httpapi.UsageQuery) (httpapi.UsageReport, error) {
	wallet, err := h.balance(ctx, query.Account)
	if err != nil {
		return httpapi.UsageReport{}, err
	}
	now := h.now()
	if query.Range, err = completed(query.Range, wallet.Settings.Zone, now); err != nil {
		return httpapi.UsageReport{}, err
	}
	// The mark is read before the sheets: they include its entries, and perhaps more.
	mark, err := h.store.LaggingMark(ctx, query.Account)
	if err != nil {
		return httpapi.UsageReport{}, err
	}
	reports, err := h.reports(ctx, query, now)
	if err != nil {
		return httpapi.UsageReport{}, err
	}
	for _, report := range reports {
		if report.Epoch > mark.Epoch {
			mark.Seq = 0 // a rebuild has begun in between; its progress is unknown
		}
	}
	return httpapi.UsageReport{Query: query, Zone: wallet.Settings.Zone, AsOf: mark.Seq, Reports: reports}, nil
}

// completed fills in missing ends and checks the range.
func completed(r usage.Range, zone string, now time.Time) (usage.Range, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return r, fmt.Errorf("usage: the account's zone: %w", err)
	}
	last := now.In(location)
	if r.Last != "" {
		last, _ = time.Parse(time.DateOnly, r.Last) // the decoder has checked it
	}
	r.Last = last.Format(time.DateOnly)
	if r.First == "" {
		r.First = last.AddDate(0, 0, 1-defaultDays).Format(time.DateOnly)
	}
	first, _ := time.Parse(time.DateOnly, r.First)
	switch {
	case r.First > r.Last:
		return r, fault.Invalid(fault.Param{Name: "from", Reason: "must not lie after to, which is " + r.Last})
	case first.AddDate(0, usage.MaxMonths, 0).Format(time.DateOnly) <= r.Last:
		return r, fault.Invalid(fault.Param{Name: "from", Reason: fmt.Sprintf("must lie at most %d months before to, which is %s", usage.MaxMonths, r.Last)})
	}
	return r, nil
}

// reports computes the query's groupings from one read of the sheets.
func (h *handler) reports(ctx context.Context, query httpapi.UsageQuery, now time.Time) ([]usage.Report, error) {
	if slices.Contains(query.Groupings, usage.ByAgent) && query.Agent == "" {
		first, last := query.Range.Months()
		sheets, err := h.store.LaggingAgentMonths(ctx, query.Account, first, last)
		if err != nil {
			return nil, err
		}
		report, err := usage.ReportByAgent(sheets, query.Range)
		return []usage.Report{report}, err
	}
	sheets, err := h.days(ctx, query)
	if err != nil {
		return nil, err
	}
	reports := make([]usage.Report, len(query.Groupings))
	for i, grouping := range query.Groupings {
		if reports[i], err = h.report(ctx, grouping, query, sheets, now); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

func (h *handler) report(ctx context.Context, grouping usage.Grouping, query httpapi.UsageQuery, sheets []usage.Sheet, now time.Time) (usage.Report, error) {
	switch grouping {
	case usage.ByChannel:
		return usage.ReportByChannel(sheets, h.channels, channelLabel)
	case usage.ByNode:
		return h.byNode(ctx, sheets, now)
	case usage.ByAgent:
		return usage.ReportOfAgent(sheets, query.Agent)
	default:
		return usage.ReportByDay(sheets, query.Range)
	}
}

func (h *handler) days(ctx context.Context, query httpapi.UsageQuery) ([]usage.Sheet, error) {
	if query.Agent != "" {
		return h.store.AgentDays(ctx, query.Account, query.Agent, query.Range.First, query.Range.Last)
	}
	return h.store.Days(ctx, query.Account, query.Range.First, query.Range.Last)
}

func (h *handler) byNode(ctx context.Context, sheets []usage.Sheet, now time.Time) (usage.Report, error) {
	book, err := h.rates.Book(ctx, now)
	if err != nil {
		return usage.Report{}, err
	}
	return usage.ReportByNode(sheets, book, now)
}

// channelLabel is the display name of a channel: its words, capitalized as proper
// names are.
func channelLabel(channel string) string {
	switch channel {
	case "api":
		return "API"
	case "whatsapp":
		return "WhatsApp"
	}
	words := strings.Split(channel, "_")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}

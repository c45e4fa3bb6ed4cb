package dynamo

import (
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/usage"
)

func TestUsageKeysAreGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		got  Key
		want Key
	}{
		{"mark", markKey("acme"), Key{"A#acme", "MARK#00"}},
		{"account day", sheetKey("acme", usage.Key{Kind: usage.AccountDay, Period: "2026-11-23"}), Key{"A#acme", "DAY#2026-11-23"}},
		{"agent month", sheetKey("acme", usage.Key{Kind: usage.AgentMonth, Agent: "a1", Period: "2026-11"}), Key{"A#acme", "AGENT#2026-11#a1"}},
		{"agent day", sheetKey("acme", usage.Key{Kind: usage.AgentDay, Agent: "a1", Period: "2026-11-23"}), Key{"A#acme#a1", "DAY#2026-11-23"}},
		{"conversation", conversationKey("acme", usage.Conversation{Agent: "a1", ID: "c1"}), Key{"A#acme#a1", "CONV#c1"}},
		{"quarantine", quarantineKey("acme"), Key{"QUARANTINE", "Q#acme"}},
		{"audit's cursor", auditCursorKey(), Key{"AUDIT", "CURSOR"}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

var usageIDs = rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9_.:-]{1,64}`), rapid.SampledFrom([]string{"a", "a:00", "00", "2026-11", "DAY", "2026-11-23", "c1"}))

// thing is anything that has an item in Usage.
type thing struct {
	account string
	sheet   usage.Key
	talk    usage.Conversation
	mark    bool
}

func (x thing) key() Key {
	switch {
	case x.mark:
		return markKey(x.account)
	case x.talk.ID != "":
		return conversationKey(x.account, x.talk)
	}
	return sheetKey(x.account, x.sheet)
}

func anyThing(t *rapid.T, label string) thing {
	x := thing{account: usageIDs.Draw(t, label+" account")}
	agent, day := usageIDs.Draw(t, label+" agent"), rapid.SampledFrom([]string{"2026-11-23", "2026-11-24"}).Draw(t, label+" day")
	switch rapid.IntRange(0, 4).Draw(t, label+" kind") {
	case 0:
		x.sheet = usage.Key{Kind: usage.AccountDay, Period: day}
	case 1:
		x.sheet = usage.Key{Kind: usage.AgentMonth, Agent: agent, Period: day[:7]}
	case 2:
		x.sheet = usage.Key{Kind: usage.AgentDay, Agent: agent, Period: day}
	case 3:
		x.talk = usage.Conversation{Agent: agent, ID: usageIDs.Draw(t, label+" conversation")}
	default:
		x.mark = true
	}
	return x
}

// No two things of Usage share a key, and a sheet is told from its key.
func TestUsageKeysDoNotCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyThing(t, "a"), anyThing(t, "b")
		if (a.key() == b.key()) != (a == b) {
			t.Fatalf("%+v and %+v have the keys %q and %q", a, b, a.key(), b.key())
		}
		sheet, isSheet := sheetKeyOf(a.account, a.key().PK, a.key().SK)
		if isSheet != (a.sheet.Kind != "") || isSheet && sheet != a.sheet {
			t.Fatalf("%+v is read back as %+v, %t", a, sheet, isSheet)
		}
	})
}

// Within a month agents sort by id, and no other item lies among them: so one
// Query reads a range of months.
func TestAgentsMonthsLieTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		month := rapid.SampledFrom([]string{"2026-09", "2026-10", "2026-11", "2026-12"}).Draw(t, "month")
		sk := sheetKey("acme", usage.Key{Kind: usage.AgentMonth, Agent: usageIDs.Draw(t, "agent"), Period: month}).SK
		within := agentSK+"2026-10#" <= sk && sk <= agentSK+"2026-11$"
		if within != (month == "2026-10" || month == "2026-11") {
			t.Fatalf("%q lies within October and November: %t", sk, within)
		}
	})
}

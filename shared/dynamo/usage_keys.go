package dynamo

import (
	"strings"

	"drawdown/shared/usage"
)

const (
	markSK         = "MARK#00"
	daySK          = "DAY#"
	agentSK        = "AGENT#"
	conversationSK = "CONV#"
	quarantineSK   = "Q#"

	kindQuarantine = "QUARANTINE"
)

// markKey is how far an account is folded, in Usage.
func markKey(account string) Key { return Key{usagePK(account), markSK} }

// usagePK is the partition of an account's days and of its agents' months.
func usagePK(account string) string { return "A#" + account }

// agentPK is the partition of one agent's days and conversations. Ids have no '#'.
func agentPK(account, agent string) string { return "A#" + account + "#" + agent }

// sheetKey is a sheet, in Usage. Days sort by date; an account's agents by
// month, then agent, so that one Query reads the agents of a range of months.
func sheetKey(account string, key usage.Key) Key {
	switch key.Kind {
	case usage.AgentMonth:
		return Key{usagePK(account), agentSK + key.Period + "#" + key.Agent}
	case usage.AgentDay:
		return Key{agentPK(account, key.Agent), daySK + key.Period}
	default:
		return Key{usagePK(account), daySK + key.Period}
	}
}

// conversationKey remembers a conversation with an agent, in Usage.
func conversationKey(account string, c usage.Conversation) Key {
	return Key{agentPK(account, c.Agent), conversationSK + c.ID}
}

// QuarantinePK is the one partition of Accounts that the roll-up writes.
const QuarantinePK = "QUARANTINE"

// quarantineKey lists a quarantined account, in Accounts.
func quarantineKey(account string) Key { return Key{QuarantinePK, quarantineSK + account} }

// sheetKeyOf is what sheet an item of Usage is; false where it is none.
func sheetKeyOf(account, pk, sk string) (usage.Key, bool) {
	if day, found := strings.CutPrefix(sk, daySK); found {
		if agent, found := strings.CutPrefix(pk, usagePK(account)+"#"); found {
			return usage.Key{Kind: usage.AgentDay, Agent: agent, Period: day}, true
		}
		return usage.Key{Kind: usage.AccountDay, Period: day}, true
	}
	if rest, found := strings.CutPrefix(sk, agentSK); found {
		month, agent, _ := strings.Cut(rest, "#")
		return usage.Key{Kind: usage.AgentMonth, Agent: agent, Period: month}, true
	}
	return usage.Key{}, false
}

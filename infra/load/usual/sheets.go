package usual

import (
	"drawdown/shared/credit"
	"drawdown/shared/rating"
	"drawdown/shared/usage"
)

const messagesAConversation = (minMessages + maxMessages) / 2

// Day returns a day's sheet with every node and every channel.
func Day(debits int64) usage.Content {
	day := usage.Content{Channels: map[string]credit.Amount{}, Nodes: map[rating.Item]usage.NodeCounts{}}
	for i := range Nodes {
		lines := debits/int64(len(Nodes)) + int64(i) + 1
		quantity := credit.Amount(2*lines) * credit.Credit
		credits := credit.Amount(2*lines) * perUnit(i)
		day.Nodes[item(i)] = usage.NodeCounts{Credits: credits, Quantity: quantity, Lines: lines}
		day.Credits += credits
	}
	rest := day.Credits
	for i, channel := range Channels {
		part := rest
		if i < len(Channels)-1 {
			part = rest * 9 / 23 // so that it has digits, and every channel some credits
		}
		day.Channels[channel] = part
		rest -= part
	}
	day.Debits, day.Messages, day.Conversations = debits, debits, debits/messagesAConversation+1
	return day
}

// Month returns an agent's sheet of a month in which it was active on these days.
func Month(agent int, days []string, debits int64) usage.Content {
	month := usage.Content{Name: Agent(agent).Name, Days: map[string]usage.Counts{}}
	for i, day := range days {
		month.Days[day] = Day(debits + int64(i)).Counts
	}
	return month
}

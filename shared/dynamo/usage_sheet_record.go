package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/credit"
	"drawdown/shared/rating"
	"drawdown/shared/usage"
)

// A sheet's numbers are attributes of their own, not members of a map: an
// update can add to a number that is not there yet, but not inside a map that
// is not there yet.
const (
	attrUpto  = "u"
	attrEpoch = "ep"
	attrName  = "nm"

	attrCredits       = "c"
	attrDebits        = "d"
	attrMessages      = "m"
	attrConversations = "v"

	// Followed by what they count: a channel, or a node/action.
	prefixChannel  = "h:"
	prefixCredits  = "nc:"
	prefixQuantity = "nq:"
	prefixLines    = "nl:"
)

// numbers are the numbers of a content, by attribute, those that are zero left out.
func numbers(content usage.Content) map[string]int64 {
	numbers := make(map[string]int64, content.Attributes())
	set := func(name string, n int64) {
		if n != 0 {
			numbers[name] = n
		}
	}
	counts := func(suffix string, c usage.Counts) {
		set(attrCredits+suffix, int64(c.Credits))
		set(attrDebits+suffix, c.Debits)
		set(attrMessages+suffix, c.Messages)
		set(attrConversations+suffix, c.Conversations)
	}
	counts("", content.Counts)
	for day, c := range content.Days {
		counts(day[len("2006-01-"):], c) // a month's columns: c01, d01, ...
	}
	for channel, credits := range content.Channels {
		set(prefixChannel+channel, int64(credits))
	}
	for item, n := range content.Nodes {
		set(prefixCredits+item.String(), int64(n.Credits))
		set(prefixQuantity+item.String(), int64(n.Quantity))
		set(prefixLines+item.String(), n.Lines)
	}
	return numbers
}

// decodeSheet reads a sheet of an account; false where the item is none.
func decodeSheet(account string, item map[string]types.AttributeValue) (usage.Sheet, bool, error) {
	key, isSheet := sheetKeyOf(account, stringOf(item[attrPK]), stringOf(item[attrSK]))
	if !isSheet {
		return usage.Sheet{}, false, nil
	}
	sheet := usage.Sheet{Key: key, Content: usage.Content{Name: stringOf(item[attrName])}}
	for name, value := range item {
		n, isNumber := value.(*types.AttributeValueMemberN)
		if !isNumber {
			continue
		}
		number, err := strconv.ParseInt(n.Value, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			err = nil // ParseInt gives the nearest; usage.NodeCounts says why that will do
		}
		if err != nil {
			return sheet, true, fmt.Errorf("dynamo: sheet %v: attribute %s is %s", key, name, n.Value)
		}
		if err := readNumber(&sheet, name, number); err != nil {
			return sheet, true, fmt.Errorf("dynamo: sheet %v: %w", key, err)
		}
	}
	return sheet, true, nil
}

func readNumber(sheet *usage.Sheet, name string, number int64) error {
	switch name {
	case attrUpto:
		sheet.Upto = number
		return nil
	case attrEpoch:
		sheet.Epoch = number
		return nil
	}
	if kind, counted, found := strings.Cut(name, ":"); found {
		return sheet.Add(part(kind+":", counted, number))
	}
	counts, err := column(name[:1], number)
	if err != nil {
		return err
	}
	if len(name) > 1 {
		return sheet.Add(usage.Content{Days: map[string]usage.Counts{sheet.Period + "-" + name[1:]: counts}})
	}
	return sheet.Add(usage.Content{Counts: counts})
}

func part(prefix, counted string, number int64) usage.Content {
	node, action, _ := strings.Cut(counted, "/")
	item := rating.Item{Node: node, Action: action}
	switch prefix {
	case prefixChannel:
		return usage.Content{Channels: map[string]credit.Amount{counted: credit.Amount(number)}}
	case prefixCredits:
		return usage.Content{Nodes: map[rating.Item]usage.NodeCounts{item: {Credits: credit.Amount(number)}}}
	case prefixQuantity:
		return usage.Content{Nodes: map[rating.Item]usage.NodeCounts{item: {Quantity: credit.Amount(number)}}}
	default:
		return usage.Content{Nodes: map[rating.Item]usage.NodeCounts{item: {Lines: number}}}
	}
}

func column(name string, number int64) (usage.Counts, error) {
	switch name {
	case attrCredits:
		return usage.Counts{Credits: credit.Amount(number)}, nil
	case attrDebits:
		return usage.Counts{Debits: number}, nil
	case attrMessages:
		return usage.Counts{Messages: number}, nil
	case attrConversations:
		return usage.Counts{Conversations: number}, nil
	}
	return usage.Counts{}, fmt.Errorf("attribute %q is not known", name)
}

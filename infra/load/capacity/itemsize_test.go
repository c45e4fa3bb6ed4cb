package capacity

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type (
	str  = types.AttributeValueMemberS
	num  = types.AttributeValueMemberN
	list = types.AttributeValueMemberL
	dict = types.AttributeValueMemberM
)

func TestSizeFollowsTheDocumentedRules(t *testing.T) {
	for name, c := range map[string]struct {
		item Item
		want int
	}{
		"nothing":                       {nil, 0},
		"a string, in UTF-8":            {Item{"é": &str{Value: "añb"}}, 2 + 4},
		"an empty string":               {Item{"ab": &str{Value: ""}}, 2},
		"binary, raw":                   {Item{"h": &types.AttributeValueMemberB{Value: make([]byte, 16)}}, 1 + 16},
		"a Boolean":                     {Item{"b": &types.AttributeValueMemberBOOL{Value: true}}, 1 + 1},
		"null":                          {Item{"n": &types.AttributeValueMemberNULL{Value: true}}, 1 + 1},
		"an empty list":                 {Item{"l": &list{}}, 1 + 3},
		"a list: 1 an element":          {Item{"l": &list{Value: []types.AttributeValue{&str{Value: "ab"}, &num{Value: "7"}}}}, 1 + 3 + (1 + 2) + (1 + 2)},
		"an empty map":                  {Item{"m": &dict{}}, 1 + 3},
		"a map: 1 a member, and names":  {Item{"m": &dict{Value: Item{"ab": &str{Value: "xyz"}}}}, 1 + 3 + (1 + 2 + 3)},
		"a map in a list":               {Item{"l": &list{Value: []types.AttributeValue{&dict{Value: Item{"k": &str{Value: "v"}}}}}}, 1 + 3 + (1 + 3 + (1 + 1 + 1))},
		"a set of strings":              {Item{"s": &types.AttributeValueMemberSS{Value: []string{"ab", "c"}}}, 1 + 3},
		"a set of numbers":              {Item{"s": &types.AttributeValueMemberNS{Value: []string{"123", "4"}}}, 1 + 3 + 2},
		"a set of binaries":             {Item{"s": &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}}}, 1 + 3},
		"attributes are added together": {Item{"pk": &str{Value: "A#x#00"}, "n": &num{Value: "12"}}, (2 + 6) + (1 + 2)},
	} {
		if got := Size(c.item); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestNumberSizeCountsPairsOfSignificantDigits(t *testing.T) {
	for text, want := range map[string]int{
		"0": 1, "7": 2, "42": 2, "123": 3, "1234": 3, "12345": 4,
		"1000000": 2, "1234000000": 3, // pairs of zeros at the end are trimmed,
		"007": 2, "0.0012": 2, // and those at the beginning,
		"10203": 4,                                       // but not those between;
		"120":   3, "1200000": 3, "1.50": 3, "12.345": 4, // pairs begin at the decimal point
		"-7": 3, "-1234": 4,
		strings.Repeat("9", 38): 20,
	} {
		if got := numberSize(text); got != want {
			t.Errorf("%s: %d bytes, want %d", text, got, want)
		}
	}
}

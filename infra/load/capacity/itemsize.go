package capacity

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The overheads of DynamoDB's documented item sizes, in bytes.
const (
	containerOverhead = 3 // of every list and map
	elementOverhead   = 1 // of every element of a list or map
	numberOverhead    = 1 // of every number, and once more for a sign
	flagSize          = 1 // of a Boolean and of null
)

// Item is an item in the SDK's form.
type Item = map[string]types.AttributeValue

// Size returns an item's size in bytes, by the documented rules: the UTF-8 length
// of every attribute's name, plus the size of its value.
func Size(item Item) int {
	size := 0
	for name, value := range item {
		size += len(name) + valueSize(value)
	}
	return size
}

func valueSize(value types.AttributeValue) int {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberBOOL, *types.AttributeValueMemberNULL:
		return flagSize
	case *types.AttributeValueMemberL:
		size := containerOverhead
		for _, element := range v.Value {
			size += elementOverhead + valueSize(element)
		}
		return size
	case *types.AttributeValueMemberM:
		return containerOverhead + elementOverhead*len(v.Value) + Size(v.Value)
	case *types.AttributeValueMemberSS:
		return total(v.Value, func(s string) int { return len(s) })
	case *types.AttributeValueMemberNS:
		return total(v.Value, numberSize)
	case *types.AttributeValueMemberBS:
		return total(v.Value, func(b []byte) int { return len(b) })
	}
	return 0
}

func total[E any](elements []E, size func(E) int) int {
	sum := 0
	for _, element := range elements {
		sum += size(element)
	}
	return sum
}

// numberSize is one byte for two significant digits, plus one, plus one for a minus
// sign. The documentation calls this approximate. Digits are paired from the
// decimal point, as DynamoDB Local does, so a pair may have only one digit; pairs
// of zeros at either end take nothing.
func numberSize(text string) int {
	digits, negative := strings.CutPrefix(text, "-")
	size := numberOverhead
	if negative {
		size += numberOverhead
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	switch {
	case fraction == "":
		zeros := len(whole) - len(strings.TrimRight(whole, "0"))
		return size + pairs(len(whole)) - zeros/2
	case whole == "":
		zeros := len(fraction) - len(strings.TrimLeft(fraction, "0"))
		return size + pairs(len(fraction)) - zeros/2
	}
	return size + pairs(len(whole)) + pairs(len(fraction))
}

func pairs(digits int) int { return (digits + 1) / 2 }

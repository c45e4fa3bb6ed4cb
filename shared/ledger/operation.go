package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxOperationID bounds a caller's operation id, in characters.
	MaxOperationID = 128
	// maxOwnID bounds an id within one of the platform's own, which, with its
	// prefix and suffix, is then no longer than a caller's.
	maxOwnID = 96

	systemPrefix = "SYS#"
)

// OperationID identifies an operation within its account. The zero value means
// none. It is stored in a form in which a caller's id can never be mistaken for
// one of the platform's own: '#' and '%' of a caller's id are escaped.
type OperationID string

var (
	escapeID   = strings.NewReplacer("%", "%25", "#", "%23")
	unescapeID = strings.NewReplacer("%25", "%", "%23", "#")
)

// CallerOperation makes the id of an operation that a caller names: 1 to 128
// visible ASCII characters. It reports false for any other text.
func CallerOperation(id string) (OperationID, bool) {
	if id == "" || len(id) > MaxOperationID {
		return "", false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return "", false
		}
	}
	return OperationID(escapeID.Replace(id)), true
}

// systemOperation makes the id of an operation of the platform's own. The
// wallet's next seq makes it unique: no two entries of a wallet share one.
func systemOperation(kind EntryType, seq int64) OperationID {
	return OperationID(systemPrefix + string(kind) + "#" + strconv.FormatInt(seq, 10))
}

// The operations below are the platform's own too, and follow from what they
// refer to, so that each takes effect once, however often it is requested.

// PaymentOperation grants what a payment of the processor has paid for.
func PaymentOperation(payment string) OperationID {
	return OperationID(systemPrefix + "pay#" + ownID(payment))
}

// PeriodOperation opens the period of a subscription that begins at an instant,
// to the second.
func PeriodOperation(subscription string, start time.Time) OperationID {
	return OperationID(systemPrefix + "period#" + ownID(subscription) + "#" + strconv.FormatInt(start.Unix(), 10))
}

// ChangeOperation changes the plan within a period, because of an invoice or
// something else with a unique id.
func ChangeOperation(cause string) OperationID {
	return OperationID(systemPrefix + "change#" + ownID(cause))
}

// EndOperation ends the plan of a subscription. A subscription's id must not be
// used again after it.
func EndOperation(subscription string) OperationID {
	return OperationID(systemPrefix + "end#" + ownID(subscription))
}

// RefillOperation settles a refill. Ids from a wallet's seq have no such suffix,
// so that a refill whose id is a number is not mistaken for one of them.
func RefillOperation(refill string) OperationID {
	return OperationID(systemPrefix + "refill#" + ownID(refill) + "#settled")
}

// ownID writes an id of ours or of the processor into an operation's id: like a
// caller's if it is as short and visible, and otherwise as its digest, behind a
// separator that no escaped id contains.
func ownID(id string) string {
	if kept, ok := CallerOperation(id); ok && len(kept) <= maxOwnID {
		return string(kept)
	}
	sum := sha256.Sum256([]byte(id))
	return "#" + hex.EncodeToString(sum[:])
}

// System reports whether the platform itself made the id.
func (id OperationID) System() bool { return strings.HasPrefix(string(id), systemPrefix) }

// String is the id as its maker wrote it.
func (id OperationID) String() string {
	if id.System() {
		return string(id)
	}
	return unescapeID.Replace(string(id))
}

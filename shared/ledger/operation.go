package ledger

import (
	"strconv"
	"strings"
)

const (
	// MaxOperationID bounds a caller's operation id, in characters.
	MaxOperationID = 128

	systemPrefix = "SYS#"
)

// OperationID identifies an operation within its account. The zero value means
// none. It is kept in a form in which a caller's id can never be mistaken for
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

// System tells whether the platform itself made the id.
func (id OperationID) System() bool { return strings.HasPrefix(string(id), systemPrefix) }

// String is the id as its maker wrote it.
func (id OperationID) String() string {
	if id.System() {
		return string(id)
	}
	return unescapeID.Replace(string(id))
}

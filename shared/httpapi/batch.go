package httpapi

import (
	"github.com/go-json-experiment/json/jsontext"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// A direct invocation of the debit function uses the same bodies without HTTP: a
// batch, or a single item.

// DirectCall is a direct invocation by an agent runtime.
type DirectCall struct {
	Items []BatchItem
	alone bool // a single item: the answer is one result
}

// DecodeDirect reads the payload of a direct invocation. IAM has authorized the
// caller, who may debit every account.
func DecodeDirect(payload []byte) (DirectCall, error) {
	body, err := ReadObject(payload)
	if err != nil {
		return DirectCall{}, err
	}
	caller := access.Anything(access.Debit)
	if body.Has("debits") {
		items, err := readBatch(body, caller)
		return DirectCall{Items: items}, err
	}
	return DirectCall{Items: []BatchItem{readItem(payload, caller)}, alone: true}, nil
}

// EncodeDirect is the answer to a direct invocation: the result objects of the
// batch route.
func EncodeDirect(call DirectCall, outcomes []commit.Outcome) ([]byte, error) {
	if call.alone {
		return marshal(resultOf(outcomes[0]))
	}
	return marshal(resultsOf(outcomes))
}

// EncodeDirectProblem is the answer to a payload that cannot be decoded.
func EncodeDirectProblem(err error) ([]byte, error) {
	return marshal(resultOf(commit.Outcome{Err: err}))
}

func readBatch(body *Object, caller access.Caller) ([]BatchItem, error) {
	values := body.array("debits", 1, MaxBatch)
	if err := body.Close(); err != nil {
		return nil, err
	}
	items := make([]BatchItem, len(values))
	for i, value := range values {
		items[i] = readItem(value, caller)
	}
	return items, nil
}

// readItem reads one debit of a batch. Invalid fields are named relative to the
// item, as if it had been sent alone.
func readItem(value jsontext.Value, caller access.Caller) BatchItem {
	object := newObject("", value, &[]fault.Param{})
	if object == nil {
		return BatchItem{Err: errNoObject}
	}
	account := object.ID("account_id")
	if account != "" {
		if err := caller.May(access.Debit, account); err != nil {
			return BatchItem{Err: err}
		}
	}
	id := object.OperationID("operation_id")
	debit := readDebit(object)
	if err := object.Close(); err != nil {
		return BatchItem{Err: err}
	}
	return BatchItem{Command: Command{account, ledger.Keyed(id, debit)}}
}

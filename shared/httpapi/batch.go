package httpapi

import (
	"github.com/go-json-experiment/json/jsontext"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// A direct invocation of the debit function speaks the same forms without
// HTTP: a batch, or one item of it alone.

// DirectCall is what a runtime asks by direct invocation.
type DirectCall struct {
	Items []BatchItem
	alone bool // one item, not a batch: the answer is one result
}

// DecodeDirect reads the payload of a direct invocation. Whoever may invoke
// the function may debit every account: IAM has decided that.
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

// EncodeDirect is the answer to a direct invocation: the result objects that
// the batch route gives.
func EncodeDirect(call DirectCall, outcomes []commit.Outcome) ([]byte, error) {
	if call.alone {
		return marshal(resultOf(outcomes[0]))
	}
	return marshal(resultsOf(outcomes))
}

// EncodeDirectProblem is the answer to a payload that cannot be read.
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

// readItem reads one debit of a batch. What is wrong with it is named from the
// item on, as if it had been sent alone.
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

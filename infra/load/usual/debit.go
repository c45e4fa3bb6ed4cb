package usual

import (
	"encoding/json"
	"fmt"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// OperationID returns the n-th id of a series, as long as a UUID.
func OperationID(series string, n int) string {
	return fmt.Sprintf("%s-%0*d", series, 35-len(series), n)
}

// Operation returns the same id in the ledger's type.
func Operation(series string, n int) ledger.OperationID {
	id, _ := ledger.CallerOperation(OperationID(series, n))
	return id
}

const (
	agentID      = "agent_support_01"
	agentName    = "Support agent"
	channel      = "widget"
	conversation = "01KBM2Q6Z4W8T3E9XVRN5YHDGC"
	run          = "01KBM2Q7A1J6C0P8SMKF4TNWEB"
)

// Debit returns a debit of one line.
func Debit() ledger.Debit {
	return ledger.Debit{
		Agent: ledger.Agent{ID: agentID, Name: agentName}, Channel: channel, Conversation: conversation, Messages: 1, Run: run,
		Lines: []rating.Line{{Item: rating.Item{Node: Node, Action: Action}, Quantity: 2 * credit.Credit}},
	}
}

type (
	agentBody struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	lineBody struct {
		Node     string `json:"node"`
		Action   string `json:"action"`
		Quantity string `json:"quantity"`
	}
	debitBody struct {
		AccountID    string     `json:"account_id,omitempty"`
		OperationID  string     `json:"operation_id,omitempty"`
		Agent        agentBody  `json:"agent"`
		Channel      string     `json:"channel"`
		Conversation string     `json:"conversation_id"`
		Messages     int        `json:"messages"`
		Run          string     `json:"run_id"`
		Lines        []lineBody `json:"lines"`
	}
)

func body(account, operation string) debitBody {
	return debitBody{
		AccountID: account, OperationID: operation,
		Agent: agentBody{agentID, agentName}, Channel: channel, Conversation: conversation, Messages: 1, Run: run,
		Lines: []lineBody{{Node, Action, "2"}},
	}
}

// DebitJSON returns the debit in the form of POST .../debits.
func DebitJSON() []byte { return encode(body("", "")) }

// ItemJSON returns the debit as an item of a batch, or for a direct invocation.
func ItemJSON(account, operation string) []byte { return encode(body(account, operation)) }

// BatchJSON returns a batch of debits of one account.
func BatchJSON(account string, operations []string) []byte {
	items := make([]debitBody, len(operations))
	for i, operation := range operations {
		items[i] = body(account, operation)
	}
	return encode(struct {
		Debits []debitBody `json:"debits"`
	}{items})
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // never fails: these types always have a JSON form
	}
	return text
}

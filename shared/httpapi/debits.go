package httpapi

import (
	"net/http"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// Bounds of a debit.
const (
	MaxLines    = 50
	MaxBatch    = 100
	maxMessages = 1_000_000
	maxName     = 128
	maxReason   = 256
	maxQuantity = 1_000_000_000 * credit.Credit
)

// Command is a command addressed to an account.
type Command struct {
	Account string
	ledger.Command
}

// DecodeDebit reads POST .../debits.
func DecodeDebit(r *Request) (Command, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return Command{}, err
	}
	debit := readDebit(body)
	if err := body.Close(); err != nil {
		return Command{}, err
	}
	return Command{account, ledger.Keyed(r.Operation, debit)}, nil
}

func (r *Request) accountAndBody() (string, *Object, error) {
	body, err := ReadObject(r.body)
	if err != nil {
		return "", nil, err
	}
	account, err := r.PathID("account_id")
	return account, body, err
}

func readDebit(body *Object) ledger.Debit {
	agent := body.Object("agent")
	return ledger.Debit{
		Agent:        ledger.Agent{ID: agent.ID("id"), Name: agent.OptionalText("name", maxName)},
		Channel:      body.Slug("channel"),
		Conversation: body.OptionalID("conversation_id"),
		Messages:     body.Int("messages", 0, 0, maxMessages),
		Run:          body.OptionalID("run_id"),
		OccurredAt:   body.Instant("occurred_at"),
		Lines:        readLines(body),
	}
}

func readLines(body *Object) []rating.Line {
	objects := body.Objects("lines", 1, MaxLines)
	lines := make([]rating.Line, 0, len(objects))
	for _, object := range objects {
		lines = append(lines, rating.Line{
			Item:     rating.Item{Node: object.Slug("node"), Action: object.Slug("action")},
			Quantity: object.Amount("quantity", credit.Micro, maxQuantity),
		})
	}
	return lines
}

type debitBody struct {
	OperationID    string      `json:"operation_id"`
	AccountID      string      `json:"account_id"`
	Seq            int64       `json:"seq"`
	Credits        string      `json:"credits"`
	Agent          agentBody   `json:"agent"`
	Channel        string      `json:"channel"`
	ConversationID string      `json:"conversation_id,omitempty"`
	Messages       int64       `json:"messages"`
	RunID          string      `json:"run_id,omitempty"`
	Lines          []lineBody  `json:"lines"`
	Drawn          []partBody  `json:"drawn"`
	Overage        string      `json:"overage"`
	RateCard       string      `json:"rate_card_version"`
	Balance        balanceBody `json:"balance"`
	OccurredAt     string      `json:"occurred_at"`
	CreatedAt      string      `json:"created_at"`
}

type agentBody struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

type lineBody struct {
	Node           string `json:"node"`
	Action         string `json:"action"`
	Quantity       string `json:"quantity"`
	CreditsPerUnit string `json:"credits_per_unit"`
	Credits        string `json:"credits"`
}

type partBody struct {
	GrantID string `json:"grant_id"`
	Credits string `json:"credits"`
}

type balanceBody struct {
	Available   string `json:"available"`
	OverageUsed string `json:"overage_used"`
}

func encodeBalance(b ledger.Balance) balanceBody {
	return balanceBody{b.Available.String(), b.OverageUsed.String()}
}

func encodeDebit(e *ledger.Entry) debitBody {
	charge := ledger.DetailOf[*ledger.Charge](e)
	body := debitBody{
		OperationID:    e.Operation.String(),
		AccountID:      e.Account,
		Seq:            e.Seq,
		Credits:        e.Credits.String(),
		Agent:          agentBody(charge.Agent),
		Channel:        charge.Channel,
		ConversationID: charge.Conversation,
		Messages:       charge.Messages,
		RunID:          charge.Run,
		Lines:          encodeLines(charge.Lines),
		Drawn:          make([]partBody, len(charge.Drawn)),
		Overage:        charge.Overage.String(),
		RateCard:       charge.RateCard,
		Balance:        encodeBalance(e.After),
		OccurredAt:     instantText(charge.OccurredAt),
		CreatedAt:      instantText(e.CreatedAt),
	}
	for i, draw := range charge.Drawn {
		body.Drawn[i] = encodePart(draw.Part)
	}
	return body
}

func encodeLines(lines []rating.Priced) []lineBody {
	bodies := make([]lineBody, len(lines))
	for i, l := range lines {
		bodies[i] = lineBody{l.Node, l.Action, l.Quantity.String(), l.PerUnit.String(), l.Credits.String()}
	}
	return bodies
}

func encodePart(p ledger.Part) partBody { return partBody{p.GrantID, p.Credits.String()} }

func instantText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func optionalInstant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := instantText(t)
	return &text
}

// EncodeDebit answers a debit.
func EncodeDebit(o commit.Outcome) Response { return Keyed(encodeDebit(o.Entry), o.Replayed) }

// DebitID names a debit of an account.
type DebitID struct {
	Account   string
	Operation ledger.OperationID
}

// DecodeDebitID reads GET .../debits/{operation_id}.
func DecodeDebitID(r *Request) (DebitID, error) {
	account, err := r.PathID("account_id")
	if err != nil {
		return DebitID{}, err
	}
	operation, err := r.PathOperation()
	return DebitID{account, operation}, err
}

// EncodeCharged answers with a debit as first answered, and the credits restored
// since.
func EncodeCharged(c *ledger.Charged) Response {
	return OK(struct {
		debitBody
		Reversed string `json:"reversed"`
	}{encodeDebit(&c.Entry), c.Reversed.Credits.String()})
}

// DecodeReversal reads POST .../debits/{operation_id}/reversals.
func DecodeReversal(r *Request) (Command, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return Command{}, err
	}
	operation, err := r.PathOperation()
	if err != nil {
		return Command{}, err
	}
	reversal := ledger.ReverseDebit{
		Of:      operation,
		Credits: body.OptionalAmount("credits", credit.Micro, maxAmount),
		Reason:  body.Text("reason", maxReason),
	}
	if err := body.Close(); err != nil {
		return Command{}, err
	}
	return Command{account, ledger.Keyed(r.Operation, reversal)}, nil
}

type reversalBody struct {
	OperationID string      `json:"operation_id"`
	AccountID   string      `json:"account_id"`
	DebitID     string      `json:"debit_operation_id"`
	Seq         int64       `json:"seq"`
	Credits     string      `json:"credits"`
	Restored    []partBody  `json:"restored"`
	Overage     string      `json:"overage"`
	Reversed    string      `json:"reversed"`
	Reason      string      `json:"reason"`
	Balance     balanceBody `json:"balance"`
	CreatedAt   string      `json:"created_at"`
}

// EncodeReversal answers a reversal.
func EncodeReversal(o commit.Outcome) Response {
	reversal := ledger.DetailOf[*ledger.Reversal](o.Entry)
	body := reversalBody{
		OperationID: o.Entry.Operation.String(),
		AccountID:   o.Entry.Account,
		DebitID:     reversal.Of.String(),
		Seq:         o.Entry.Seq,
		Credits:     o.Entry.Credits.String(),
		Restored:    append([]partBody{}, encodeRestored(reversal.Restored, reversal.Reopened)...),
		Overage:     reversal.Overage.String(),
		Reversed:    reversal.Total.Credits.String(),
		Reason:      reversal.Reason,
		Balance:     encodeBalance(o.Entry.After),
		CreatedAt:   instantText(o.Entry.CreatedAt),
	}
	return Keyed(body, o.Replayed)
}

// Quote asks what a debit would cost and whether it would be accepted now.
type Quote struct {
	Account    string
	OccurredAt *time.Time
	Lines      []rating.Line
}

// DecodeQuote reads POST .../quotes: a debit's lines and occurred_at.
func DecodeQuote(r *Request) (Quote, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return Quote{}, err
	}
	quote := Quote{Account: account, OccurredAt: body.Instant("occurred_at"), Lines: readLines(body)}
	return quote, body.Close()
}

// EncodeQuote answers a quote.
func EncodeQuote(q ledger.Quotation) Response {
	return OK(struct {
		Credits    string     `json:"credits"`
		Lines      []lineBody `json:"lines"`
		RateCard   string     `json:"rate_card_version"`
		Affordable bool       `json:"affordable"`
		Available  string     `json:"available"`
		Overage    string     `json:"overage"`
		Shortfall  string     `json:"shortfall"`
	}{q.Credits.String(), encodeLines(q.Lines), q.RateCard, q.Shortfall == 0, q.Available.String(), q.Overage.String(), q.Shortfall.String()})
}

// BatchItem is one debit of a batch, or the error in it.
type BatchItem struct {
	Command
	Err error
}

// DecodeBatch reads POST /v1/debits/batch. An item that is invalid, or whose account
// the caller may not debit, fails alone.
func DecodeBatch(r *Request) ([]BatchItem, error) {
	body, err := ReadObject(r.body)
	if err != nil {
		return nil, err
	}
	return readBatch(body, r.Caller)
}

type result struct {
	Status   int        `json:"status"`
	Replayed bool       `json:"replayed,omitzero"`
	Debit    *debitBody `json:"debit,omitempty"`
	Problem  *Problem   `json:"problem,omitempty"`
}

func resultOf(o commit.Outcome) result {
	if o.Err != nil {
		problem := ProblemOf(o.Err)
		return result{Status: problem.Status, Problem: &problem}
	}
	debit := encodeDebit(o.Entry)
	if o.Replayed {
		return result{Status: http.StatusOK, Replayed: true, Debit: &debit}
	}
	return result{Status: http.StatusCreated, Debit: &debit}
}

type resultsBody struct {
	Results []result `json:"results"`
}

// EncodeBatch answers a batch, item by item.
func EncodeBatch(outcomes []commit.Outcome) Response { return OK(resultsOf(outcomes)) }

func resultsOf(outcomes []commit.Outcome) resultsBody {
	body := resultsBody{make([]result, len(outcomes))}
	for i, outcome := range outcomes {
		body.Results[i] = resultOf(outcome)
	}
	return body
}

// errNoObject is the fault for an element of a batch that is not an object.
var errNoObject = fault.New(fault.InvalidRequest, "A debit of a batch must be an object.")

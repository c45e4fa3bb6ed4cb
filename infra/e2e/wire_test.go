package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// credits are whole micro-credits; JSON has them as decimal strings.
type credits int64

// credit is one of them.
const credit credits = 1_000_000

// amount reads a decimal, to write down what a test expects. A text that is none is a fault of the test.
func amount(text string) credits {
	var c credits
	if err := c.parse(text); err != nil {
		panic(err)
	}
	return c
}

func (c *credits) parse(text string) error {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(fraction) > 6 || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "0") && fraction != "" {
		return fmt.Errorf("%q is not a decimal in its shortest form", text)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 6-len(fraction)), 10, 64)
	if negative {
		n = -n
	}
	*c = credits(n)
	return err
}

func (c credits) String() string {
	sign, n := "", int64(c)
	if n < 0 {
		sign, n = "-", -n
	}
	return sign + strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%06d", n/1e6, n%1e6), "0"), ".")
}

func (c *credits) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	return c.parse(text)
}

func (c credits) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

type problem struct {
	Type          string  `json:"type"`
	Title         string  `json:"title"`
	Status        int     `json:"status"`
	Detail        string  `json:"detail"`
	InvalidParams []param `json:"invalid_params"`

	// of a debit that cannot be paid
	Required  credits `json:"required"`
	Available credits `json:"available"`
	Shortfall credits `json:"shortfall"`
	// of a debit that cannot be given back
	Charged    credits `json:"charged"`
	Reversed   credits `json:"reversed"`
	Reversible credits `json:"reversible"`
}

type param struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// names are the names of the invalid parameters, sorted.
func (p problem) names() []string {
	names := []string{}
	for _, each := range p.InvalidParams {
		names = append(names, each.Name)
	}
	slices.Sort(names)
	return names
}

// body is what a test sends: a JSON object of any content.
type body map[string]any

// with is a copy with one member more, or another.
func (b body) with(name string, value any) body {
	copied := body{}
	for key, each := range b {
		copied[key] = each
	}
	copied[name] = value
	return copied
}

type balance struct {
	Available   credits `json:"available"`
	OverageUsed credits `json:"overage_used"`
}

type line struct {
	Node           string  `json:"node"`
	Action         string  `json:"action"`
	Quantity       credits `json:"quantity"`
	CreditsPerUnit credits `json:"credits_per_unit"`
	Credits        credits `json:"credits"`
}

type part struct {
	GrantID string  `json:"grant_id"`
	Credits credits `json:"credits"`
}

type agent struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type debited struct {
	OperationID    string    `json:"operation_id"`
	AccountID      string    `json:"account_id"`
	Seq            int64     `json:"seq"`
	Credits        credits   `json:"credits"`
	Agent          agent     `json:"agent"`
	Channel        string    `json:"channel"`
	ConversationID string    `json:"conversation_id"`
	Messages       int       `json:"messages"`
	RunID          string    `json:"run_id"`
	Lines          []line    `json:"lines"`
	Drawn          []part    `json:"drawn"`
	Overage        credits   `json:"overage"`
	RateCard       string    `json:"rate_card_version"`
	Balance        balance   `json:"balance"`
	OccurredAt     time.Time `json:"occurred_at"`
	CreatedAt      time.Time `json:"created_at"`

	Reversed *credits `json:"reversed"` // where it is looked up later
}

type reversed struct {
	OperationID string    `json:"operation_id"`
	AccountID   string    `json:"account_id"`
	DebitID     string    `json:"debit_operation_id"`
	Seq         int64     `json:"seq"`
	Credits     credits   `json:"credits"`
	Restored    []part    `json:"restored"`
	Overage     credits   `json:"overage"`
	Reversed    credits   `json:"reversed"`
	Reason      string    `json:"reason"`
	Balance     balance   `json:"balance"`
	CreatedAt   time.Time `json:"created_at"`
}

type grant struct {
	ID          string     `json:"id"`
	Source      string     `json:"source"`
	Amount      credits    `json:"amount"`
	Remaining   credits    `json:"remaining"`
	Priority    int        `json:"priority"`
	EffectiveAt time.Time  `json:"effective_at"`
	ExpiresAt   *time.Time `json:"expires_at"`
}

type granted struct {
	grant
	Reason      string    `json:"reason"`
	OperationID string    `json:"operation_id"`
	AccountID   string    `json:"account_id"`
	Seq         int64     `json:"seq"`
	Balance     balance   `json:"balance"`
	CreatedAt   time.Time `json:"created_at"`
}

type wallet struct {
	AccountID string  `json:"account_id"`
	Available credits `json:"available"`
	Owed      credits `json:"owed"`
	Overage   struct {
		Policy string  `json:"policy"`
		Limit  credits `json:"limit"`
		Used   credits `json:"used"`
	} `json:"overage"`
	Grants []grant   `json:"grants"`
	Seq    int64     `json:"seq"`
	AsOf   time.Time `json:"as_of"`
}

type entry struct {
	Seq         int64     `json:"seq"`
	Type        string    `json:"type"`
	OperationID string    `json:"operation_id"`
	Credits     credits   `json:"credits"`
	Change      credits   `json:"change"`
	After       balance   `json:"balance_after"`
	Lapsed      []part    `json:"lapsed"`
	Alerts      []string  `json:"alerts"`
	CreatedAt   time.Time `json:"created_at"`
}

type page[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

type accountBody struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	TimeZone string `json:"time_zone"`
	Status   string `json:"status"`
	Overage  *struct {
		Policy string  `json:"policy"`
		Limit  credits `json:"limit"`
	} `json:"overage"`
	LowBalance credits   `json:"low_balance_threshold"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

type quoted struct {
	Credits    credits `json:"credits"`
	Lines      []line  `json:"lines"`
	RateCard   string  `json:"rate_card_version"`
	Affordable bool    `json:"affordable"`
	Available  credits `json:"available"`
	Overage    credits `json:"overage"`
	Shortfall  credits `json:"shortfall"`
}

type result struct {
	Status   int             `json:"status"`
	Replayed bool            `json:"replayed"`
	Debit    json.RawMessage `json:"debit"`
	Problem  *problem        `json:"problem"`
}

type results struct {
	Results []json.RawMessage `json:"results"`
}

type apiKey struct {
	ID        string     `json:"id"`
	Key       string     `json:"key"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	AccountID string     `json:"account_id"`
	RevokedAt *time.Time `json:"revoked_at"`
}

type rateCard struct {
	Version     string    `json:"version"`
	EffectiveAt time.Time `json:"effective_at"`
	PublishedAt time.Time `json:"published_at"`
	Rates       []struct {
		Node           string  `json:"node"`
		Action         string  `json:"action"`
		Label          string  `json:"label"`
		Unit           string  `json:"unit"`
		CreditsPerUnit credits `json:"credits_per_unit"`
	} `json:"rates"`
}

// money is an amount in the minor unit of a currency.
type money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type planBody struct {
	ID              string  `json:"id"`
	Name            string  `json:"name"`
	Description     string  `json:"description"`
	Price           money   `json:"price"`
	Interval        string  `json:"interval"`
	IncludedCredits credits `json:"included_credits"`
	Overage         struct {
		Policy         string  `json:"policy"`
		Limit          credits `json:"limit"`
		PricePerCredit credits `json:"price_per_credit"`
	} `json:"overage"`
	Rollover  credits   `json:"rollover"`
	Active    bool      `json:"active"`
	UpdatedAt time.Time `json:"updated_at"`
}

type packBody struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Description  string    `json:"description"`
	Price        money     `json:"price"`
	Credits      credits   `json:"credits"`
	ValidityDays int       `json:"validity_days"`
	Active       bool      `json:"active"`
	UpdatedAt    time.Time `json:"updated_at"`
}

type urlBody struct {
	URL string `json:"url"`
}

type subscriptionBody struct {
	AccountID string `json:"account_id"`
	Status    string `json:"status"`
	Plan      *struct {
		ID              string  `json:"id"`
		IncludedCredits credits `json:"included_credits"`
	} `json:"plan"`
	PeriodStart       *time.Time `json:"period_start"`
	PeriodEnd         *time.Time `json:"period_end"`
	CancelAtPeriodEnd bool       `json:"cancel_at_period_end"`
	NextPlanID        *string    `json:"next_plan_id"`
	RenewsAt          *time.Time `json:"renews_at"`
	IncludedRemaining credits    `json:"included_remaining"`
	OverageUsed       credits    `json:"overage_used"`
	OveragePrice      *money     `json:"overage_price"`
	PayURL            *string    `json:"pay_url"`
}

type refillBody struct {
	AccountID      string     `json:"account_id"`
	Enabled        bool       `json:"enabled"`
	Threshold      *credits   `json:"threshold"`
	PackID         *string    `json:"pack_id"`
	MonthlyCap     *money     `json:"monthly_cap"`
	SpentThisMonth *money     `json:"spent_this_month"`
	State          string     `json:"state"`
	Reason         *string    `json:"reason"`
	Message        *string    `json:"message"`
	RetryAt        *time.Time `json:"retry_at"`
}

type billBody struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at"`
	Kind        string    `json:"kind"`
	State       string    `json:"state"`
	Amount      money     `json:"amount"`
	Credits     credits   `json:"credits"`
	Description string    `json:"description"`
	ReceiptURL  *string   `json:"receipt_url"`
	Reason      *string   `json:"reason"`
}

type issueBody struct {
	ID        string     `json:"id"`
	Source    string     `json:"source"`
	ExpiresAt *time.Time `json:"expires_at"`
	OwedPaid  credits    `json:"owed_paid"`
	PaymentID string     `json:"payment_id"`
}

type closedOverage struct {
	Credits credits `json:"credits"`
	Price   *money  `json:"price"`
}

// moneyEntry is an entry with what only those have that payments leave.
type moneyEntry struct {
	entry
	Grant   *issueBody `json:"grant"`
	Renewal *struct {
		SubscriptionID string         `json:"subscription_id"`
		PlanID         string         `json:"plan_id"`
		PeriodStart    time.Time      `json:"period_start"`
		PeriodEnd      time.Time      `json:"period_end"`
		CarriedOver    credits        `json:"carried_over"`
		Overage        *closedOverage `json:"overage"`
		Grant          *issueBody     `json:"grant"`
	} `json:"renewal"`
	Plan *struct {
		PlanID         string         `json:"plan_id"`
		PreviousPlanID string         `json:"previous_plan_id"`
		Overage        *closedOverage `json:"overage"`
		Grant          *issueBody     `json:"grant"`
	} `json:"plan"`
	Recovery *struct {
		OperationID string  `json:"operation_id"`
		Reason      string  `json:"reason"`
		Owed        credits `json:"owed"`
	} `json:"recovery"`
	Refill *struct {
		Step      string     `json:"step"`
		Phase     string     `json:"phase"`
		RefillID  string     `json:"refill_id"`
		Outcome   string     `json:"outcome"`
		Reason    string     `json:"reason"`
		PaymentID string     `json:"payment_id"`
		Grant     *issueBody `json:"grant"`
	} `json:"refill"`
}

type endpointBody struct {
	ID             string     `json:"id"`
	URL            string     `json:"url"`
	Events         *[]string  `json:"events"`
	Enabled        bool       `json:"enabled"`
	DisabledReason string     `json:"disabled_reason"`
	Secret         string     `json:"secret"`
	PreviousUntil  *time.Time `json:"previous_secret_until"`
}

type deliveryBody struct {
	ID            string     `json:"id"`
	EventID       string     `json:"event_id"`
	Type          string     `json:"type"`
	State         string     `json:"state"`
	Attempts      int        `json:"attempts"`
	LastStatus    *int       `json:"last_status"`
	LastError     *string    `json:"last_error"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	Body          string     `json:"body"`
}

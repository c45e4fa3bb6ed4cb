package stripetest

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/billing"
	"drawdown/shared/stripepay"
)

// settlers are processors of one deployment, each with its own connections and memory, as two processes have.
func (b *bench) settlers(n int) []*stripepay.Processor {
	made := make([]*stripepay.Processor, n)
	for i := range made {
		made[i] = stripepay.Open(stripepay.Options{Keys: b.keys, URL: b.url, Now: b.server.Now, Deployment: "test"})
	}
	return made
}

// together calls do once for each settler, all at the same time.
func together(settlers []*stripepay.Processor, do func(i int, pay *stripepay.Processor)) {
	var all sync.WaitGroup
	for i, pay := range settlers {
		all.Go(func() { do(i, pay) })
	}
	all.Wait()
}

// meet holds back requests to a path, GET or POST, until so many have come: all of them are made before any is answered.
func (b *bench) meet(method, path string, n int) {
	var mu sync.Mutex
	come, all := 0, make(chan struct{})
	b.before = func(r *http.Request) {
		if r.Method != method || r.URL.Path != path {
			return
		}
		mu.Lock()
		if come++; come == n {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
		case <-r.Context().Done():
		}
	}
}

// invoicedOnce checks that the customer has one invoice, that it has one line, and that it is paid.
func (b *bench) invoicedOnce(customer string, bill billing.OverageCharge) {
	b.t.Helper()
	b.server.Heal()
	b.server.Advance(time.Second)
	all := as[[]any](b.t, b.object("/v1/invoices?customer=" + customer)["data"])
	if len(all) != 1 {
		b.t.Fatalf("%d invoices of one bill", len(all))
	}
	inv := as[map[string]any](b.t, all[0])
	lines := as[[]any](b.t, as[map[string]any](b.t, inv["lines"])["data"])
	if len(lines) != 1 || inv["total"] != float64(bill.Amount.Minor) || inv["status"] != "paid" {
		b.t.Errorf("an invoice of %v, %v, with %d lines: %v", inv["total"], inv["status"], len(lines), lines)
	}
}

func overage(b *bench, customer string) billing.OverageCharge {
	return billing.OverageCharge{Bill: "SYS#period#1", Account: account, Customer: customer, Amount: usd(450), Description: "Overage", NotedAt: b.now()}
}

// What was made a moment ago may not be on a list yet: who looks for it there finds nothing, and makes it again. The
// idempotency keys are all that stands between that and a second invoice, or a second line.
func TestAnOverageIsInvoicedOnceThoughTheListLags(t *testing.T) {
	b := open(t)
	customer, _ := b.buy(stripe.CardWorks, true)
	b.server.Lag("/v1/invoices", time.Hour)
	bill, id := overage(b, customer), ""
	for i, pay := range b.settlers(3) {
		got := must(pay.BillOverage(t.Context(), bill))(t)
		if i > 0 && got.ID != id {
			t.Errorf("invoices %s and %s", id, got.ID)
		}
		id = got.ID
	}
	if seen := len(b.invoices(customer)); seen != 0 {
		t.Fatalf("the list does not lag: it has %d invoices", seen)
	}
	b.invoicedOnce(customer, bill)
}

func TestTwoAtOnceInvoiceAnOverageOnce(t *testing.T) {
	for name, meeting := range map[string]struct {
		method, path string
		lag          time.Duration
	}{
		"neither finds an invoice":          {"POST", "/v1/invoices", 0},
		"each has found it without a line":  {"POST", "/v1/invoiceitems", 0},
		"neither will, since the list lags": {"POST", "/v1/invoiceitems", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			customer, _ := b.buy(stripe.CardWorks, true)
			b.server.Lag("/v1/invoices", meeting.lag)
			bill := overage(b, customer)
			b.meet(meeting.method, meeting.path, 2)
			ids := make([]string, 2)
			together(b.settlers(2), func(i int, pay *stripepay.Processor) {
				got, err := pay.BillOverage(t.Context(), bill)
				if err != nil {
					t.Errorf("settler %d: %v", i, err)
				}
				ids[i] = got.ID
			})
			if ids[0] != ids[1] || ids[0] == "" {
				t.Errorf("invoices %v", ids)
			}
			b.invoicedOnce(customer, bill)
		})
	}
}

// Another card makes another request under the same key. It is refused, and while the invoice is on no list it cannot be
// taken up: that is not known, and no second invoice.
func TestAnOverageWithAnotherCardWaitsForTheList(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	customer, _ := b.buy(stripe.CardWorks, true)
	bill := overage(b, customer)
	b.server.Fail(stripe.Fault{Method: "POST", Path: "/v1/invoiceitems", Times: 100})
	if _, err := b.pay.BillOverage(ctx, bill); !errors.Is(err, billing.ErrUnknown) {
		t.Fatalf("with a fault: %v", err)
	}
	b.server.Heal()
	check(t, b.server.SetCard(customer, stripe.CardWorks))
	b.server.Lag("/v1/invoices", time.Minute)
	if _, err := b.pay.BillOverage(ctx, bill); !errors.Is(err, billing.ErrUnknown) {
		t.Errorf("while the list lags: %v", err)
	}
	b.server.Advance(2 * time.Minute)
	must(b.pay.BillOverage(ctx, bill))(t)
	b.invoicedOnce(customer, bill)
}

func TestARefillIsChargedOnceThoughListsLag(t *testing.T) {
	b := open(t)
	customer, _ := b.buy(stripe.CardWorks, true)
	b.server.Lag("/v1/payment_intents", time.Minute)
	b.meet("POST", "/v1/payment_intents", 2)
	ids := make([]string, 2)
	charge := billing.RefillCharge{Account: account, Customer: customer, Amount: usd(2000), Pack: packOf("rf_1")}
	together(b.settlers(2), func(i int, pay *stripepay.Processor) {
		got, err := pay.ChargeRefill(t.Context(), charge)
		if err != nil {
			t.Errorf("settler %d: %v", i, err)
		}
		ids[i] = got.ID
	})
	b.before = nil
	if ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("payments %v", ids)
	}
	check(t, b.server.SetCard(customer, stripe.CardWorks)) // another request under the same key
	if got, err := b.pay.ChargeRefill(t.Context(), charge); !errors.Is(err, billing.ErrUnknown) {
		t.Errorf("with another card, while the list lags: %+v, %v", got, err)
	}
	b.server.Advance(2 * time.Minute)
	if got := must(b.pay.ChargeRefill(t.Context(), charge))(t); got.ID != ids[0] {
		t.Errorf("payment %s, and before %s", got.ID, ids[0])
	}
	if n := b.count("payment_intent.succeeded"); n != 2 { // of the pack and of the refill
		t.Errorf("%d payments", n)
	}
}

func TestAPriceIsMadeOnceThoughTheListLags(t *testing.T) {
	b := open(t)
	product := must(b.pay.EnsureProduct(t.Context(), "plan", "pro", "Pro", ""))(t)
	b.server.Lag("/v1/prices", time.Hour)
	b.meet("POST", "/v1/prices", 2)
	ids := make([]string, 2)
	together(b.settlers(2), func(i int, pay *stripepay.Processor) {
		var err error
		if ids[i], err = pay.EnsurePrice(t.Context(), product, usd(1000), billing.Monthly); err != nil {
			t.Errorf("settler %d: %v", i, err)
		}
	})
	if ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("prices %v", ids)
	}
}

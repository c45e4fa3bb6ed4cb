package stripepay_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"drawdown/shared/billing"
	"drawdown/shared/money"
	"drawdown/shared/stripepay"
)

type key string

func (k key) Keys(context.Context) (secretKey, webhookSecret string, err error) {
	if k == "broken" {
		return "", "", errors.New("no secrets")
	}
	return string(k), "", nil
}

// answering is a Processor whose every request is answered with that.
func answering(t *testing.T, status int, body string) *stripepay.Processor {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Stripe-Should-Retry", "false")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // checked by the client
	}))
	t.Cleanup(server.Close)
	return stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: server.URL + "/"})
}

func TestStripesErrorsBecomeOurs(t *testing.T) {
	known := []error{
		billing.ErrNotConfigured, billing.ErrUnknown, stripepay.ErrNotFound, billing.ErrNoCard, billing.ErrDeclined, billing.ErrActionRequired, stripepay.ErrInterval, stripepay.ErrKeyReused,
	}
	for name, c := range map[string]struct {
		status int
		body   string
		want   error // nil: internal
	}{
		"declined":             {402, `{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds."}}`, billing.ErrDeclined},
		"expired card":         {402, `{"error":{"type":"card_error","code":"expired_card","message":"Your card has expired."}}`, billing.ErrDeclined},
		"authentication":       {402, `{"error":{"type":"card_error","code":"authentication_required","message":"Please confirm."}}`, billing.ErrActionRequired},
		"the bank's own word":  {402, `{"error":{"type":"card_error","code":"card_declined","decline_code":"authentication_required","message":"Please confirm."}}`, billing.ErrActionRequired},
		"of a subscription":    {402, `{"error":{"type":"card_error","code":"subscription_payment_intent_requires_action","message":"Please confirm."}}`, billing.ErrActionRequired},
		"bad request":          {400, `{"error":{"type":"invalid_request_error","code":"parameter_unknown","param":"x","message":"Received unknown parameter: x"}}`, nil},
		"missing":              {404, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such thing"}}`, stripepay.ErrNotFound},
		"missing within":       {400, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"price","message":"No such price"}}`, nil},
		"no such address":      {404, `{"error":{"type":"invalid_request_error","message":"Unrecognized request URL"}}`, nil},
		"wrong key":            {401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}`, nil},
		"no permission":        {403, `{"error":{"type":"invalid_request_error","message":"Not allowed"}}`, nil},
		"key of another":       {400, `{"error":{"type":"idempotency_error","message":"Keys for idempotent requests"}}`, stripepay.ErrKeyReused},
		"key in use":           {409, `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"There is currently another in-progress request"}}`, billing.ErrUnknown},
		"out of time":          {408, `{"error":{"type":"invalid_request_error","message":"Timeout"}}`, billing.ErrUnknown},
		"others have failed":   {424, `{"error":{"type":"invalid_request_error","message":"A dependency has failed"}}`, billing.ErrUnknown},
		"too many":             {429, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Too many requests"}}`, billing.ErrUnknown},
		"broken":               {500, `{"error":{"type":"api_error","message":"Something went wrong"}}`, billing.ErrUnknown},
		"a gateway's answer":   {502, `<html>Bad gateway</html>`, billing.ErrUnknown},
		"an answer cut short":  {200, `{"id":"sub_`, billing.ErrUnknown},
		"an empty answer":      {503, ``, billing.ErrUnknown},
		"a refusal of no kind": {400, `{}`, billing.ErrUnknown},
	} {
		_, err := answering(t, c.status, c.body).Subscription(t.Context(), "sub_1")
		if err == nil {
			t.Errorf("%s is no error", name)
		}
		for _, kind := range known {
			if wanted := c.want != nil && errors.Is(c.want, kind); errors.Is(err, kind) != wanted {
				t.Errorf("%s: %v; is %v: %v", name, err, kind, errors.Is(err, kind))
			}
		}
		var refusal *billing.Refusal
		if errors.As(err, &refusal) && (refusal.Message == "" || refusal.Code == "" || !strings.Contains(c.body, refusal.Message)) {
			t.Errorf("%s: refusal %+v", name, refusal)
		}
	}
}

func TestARefusalOfARefillIsItsPayment(t *testing.T) {
	charge := billing.RefillCharge{
		Account: "a", Customer: "cus_1", Amount: money.Money{Minor: 100, Currency: "usd"}, Pack: billing.PackSale{Refill: "rf_1"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"id":"cus_1","object":"customer","invoice_settings":{"default_payment_method":{"id":"pm_1","type":"card"}}}`)) // as above
			return
		}
		w.WriteHeader(http.StatusPaymentRequired)
		_, _ = w.Write([]byte(`{"error":{"type":"card_error","code":"card_declined","message":"No."}}`)) // without its payment
	}))
	t.Cleanup(server.Close)
	got, err := stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: server.URL}).ChargeRefill(t.Context(), charge)
	if err != nil || got.Status != "declined" || got.Reason != "No." || got.Account != "a" || got.Pack == nil || got.Pack.Refill != "rf_1" {
		t.Errorf("%+v %v", got, err)
	}
}

// A refill that Stripe rejects is distinguished from one whose outcome is not
// known.
func TestARefillThatIsNotAcceptedIsRejected(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		body     string
		rejected bool
	}{
		"amount too small": {400, `{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"Amount must be at least 50 cents"}}`, true},
		"card is gone":     {400, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"payment_method","message":"No such PaymentMethod"}}`, true},
		"not found":        {404, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such customer"}}`, true},
		"not allowed":      {403, `{"error":{"type":"invalid_request_error","code":"platform_account_required","message":"Not allowed"}}`, true},
		"card declined":    {402, `{"error":{"type":"card_error","code":"card_declined","message":"No."}}`, false},
		"key in use":       {409, `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"Another request"}}`, false},
		"key of another":   {400, `{"error":{"type":"idempotency_error","code":"","message":"Keys for idempotent requests"}}`, false},
		"too many":         {429, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Too many"}}`, false},
		"broken":           {500, `{"error":{"type":"api_error","message":"Something went wrong"}}`, false},
	} {
		for _, onCard := range []bool{false, true} { // the request that fails is the one for the card, or the payment
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Stripe-Should-Retry", "false")
				switch {
				case r.Method == http.MethodGet && r.URL.Path == "/v1/payment_intents":
					_, _ = w.Write([]byte(`{"object":"list","data":[]}`)) // as above
				case r.Method == http.MethodGet && !onCard:
					_, _ = w.Write([]byte(`{"id":"cus_1","object":"customer","invoice_settings":{"default_payment_method":{"id":"pm_1","type":"card"}}}`))
				default:
					w.WriteHeader(c.status)
					_, _ = w.Write([]byte(c.body))
				}
			}))
			_, err := stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: server.URL}).ChargeRefill(t.Context(), billing.RefillCharge{
				Account: "a", Customer: "cus_1", Amount: money.Money{Minor: 100, Currency: "usd"}, Pack: billing.PackSale{Refill: "rf_1"},
			})
			server.Close()
			if errors.Is(err, billing.ErrRejected) != c.rejected || c.rejected && errors.Is(err, billing.ErrUnknown) {
				t.Errorf("%s, on card %v: %v", name, onCard, err)
			}
			_, code, _ := strings.Cut(c.body, `"code":"`)
			code, _, _ = strings.Cut(code, `"`)
			_, message, _ := strings.Cut(c.body, `"message":"`)
			message, _, _ = strings.Cut(message, `"`)
			if c.rejected && (!strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), message)) {
				t.Errorf("%s says %v", name, err)
			}
		}
	}
}

// Only a change that must be paid can fail for lack of a card, and an object that the
// request names may be missing, too.
func TestAnUpgradeWithoutACardIsARefusal(t *testing.T) {
	const noCard = `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"This customer has no attached payment source or default payment method."}}`
	const noPrice = `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"items[0][price]","message":"No such price"}}`
	for _, c := range []struct {
		upgrade bool
		body    string
		refused bool
	}{{true, noCard, true}, {true, noPrice, false}, {false, noCard, false}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/prices/"):
				_, _ = w.Write([]byte(`{"id":"price_2","object":"price","recurring":{"interval":"month","interval_count":1}}`)) // as above
			case r.Method == http.MethodGet:
				_, _ = w.Write([]byte(`{"id":"sub_1","object":"subscription","items":{"data":[{"id":"si_1","price":{"id":"price_1","recurring":{"interval":"month","interval_count":1}}}]}}`))
			default:
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(c.body))
			}
		}))
		_, _, err := stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: server.URL}).ChangeSubscription(t.Context(), "sub_1", "price_2", "big", c.upgrade, "k")
		server.Close()
		var refusal *billing.Refusal
		if err == nil || errors.As(err, &refusal) != c.refused || c.refused && (refusal.Code != "no_card" || refusal.Message != "There is no card to charge.") {
			t.Errorf("upgrade %v, %s: %v", c.upgrade, c.body, err)
		}
	}
}

// A refund names its payment, or otherwise its charge does.
func TestARefundTellsItsPayment(t *testing.T) {
	for refund, want := range map[string]string{
		`{"id":"re_1","object":"refund","payment_intent":"pi_1","charge":"ch_1"}`: "pi_1",
		`{"id":"re_1","object":"refund","payment_intent":null,"charge":"ch_1"}`:   "pi_of_charge",
		`{"id":"re_1","object":"refund"}`:                                         "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/v1/refunds/re_1":
				_, _ = w.Write([]byte(refund)) // as above
			case "/v1/charges/ch_1":
				_, _ = w.Write([]byte(`{"id":"ch_1","object":"charge","payment_intent":"pi_of_charge"}`))
			default:
				w.WriteHeader(http.StatusTeapot)
			}
		}))
		got, err := stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: server.URL}).PaymentIDOfRefund(t.Context(), "re_1")
		server.Close()
		if got != want || err != nil {
			t.Errorf("%s: %q, %v", refund, got, err)
		}
	}
}

func TestWithoutKeysNothingIsAsked(t *testing.T) {
	if _, err := stripepay.Open(stripepay.Options{Keys: key(""), URL: "http://127.0.0.1:1"}).Invoice(t.Context(), "in_1"); !errors.Is(err, billing.ErrNotConfigured) {
		t.Errorf("no key: %v", err)
	}
	_, err := stripepay.Open(stripepay.Options{Keys: key("broken"), URL: "http://127.0.0.1:1"}).Invoice(t.Context(), "in_1")
	if err == nil || errors.Is(err, billing.ErrNotConfigured) || errors.Is(err, billing.ErrUnknown) {
		t.Errorf("no keeper: %v", err)
	}
}

// rotating is a keeper whose key is replaced.
type rotating struct{ key string }

func (r *rotating) Keys(context.Context) (secretKey, webhookSecret string, err error) {
	return r.key, "", nil
}

// A warm environment asks with the key that is in force, not with the one that it
// began with.
func TestAReplacedKeyIsNotUsed(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		_, _ = w.Write([]byte(`{"id":"in_1","object":"invoice"}`)) // checked by the client
	}))
	defer server.Close()
	keeper := &rotating{}
	processor := stripepay.Open(stripepay.Options{Keys: keeper, URL: server.URL})
	want := []string{"sk_test_1", "sk_test_1", "sk_test_2"}
	for _, keeper.key = range want {
		_, _ = processor.Invoice(t.Context(), "in_1") // what it answers is not the question
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked with %q, want %q", asked, want)
	}
}

func TestWhoIsNotReachedLeavesTheOutcomeUnknown(t *testing.T) {
	_, err := stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: "http://127.0.0.1:1"}).Invoice(t.Context(), "in_1")
	if !errors.Is(err, billing.ErrUnknown) {
		t.Errorf("nobody there: %v", err)
	}
}

package cashier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// Wish is a person's wish to buy: just one of Plan and Pack.
type Wish struct {
	Account string
	Key     ledger.OperationID
	Plan    string
	Pack    string
	// SaveCard: the person agrees that the card used for a pack may be charged later
	// without them.
	SaveCard  bool
	ReturnURL string // as requested; empty: not given
	// SuccessURL and CancelURL are where the person comes back to.
	SuccessURL string
	CancelURL  string
}

// hash distinguishes wishes by their content.
func (w Wish) hash() string {
	return digest("checkout/1", w.Plan, w.Pack, fmt.Sprint(w.SaveCard), w.ReturnURL)
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Page is where a wish leads: a page to pay at, or the return page if there is
// nothing to pay or it was paid already.
type Page struct {
	URL      string
	Replayed bool // the first answer to an earlier request with this key
}

// Checkout starts a purchase. It fails with fault.PlanNotFound, PackNotFound,
// NotOffered, PlanAlreadyActive, PlanChangeNotPossible, PaymentDeclined,
// PaymentsUnavailable or IdempotencyKeyReused.
func (c *Cashier) Checkout(ctx context.Context, wish Wish) (Page, error) {
	for range maxTries {
		page, again, err := c.try(ctx, wish)
		if err != nil || !again {
			return page, err
		}
	}
	return Page{}, errMoved()
}

// try serves a wish, unless a concurrent change interferes: then it must be retried.
func (c *Cashier) try(ctx context.Context, wish Wish) (page Page, again bool, err error) {
	claim, resumed, err := c.claimOf(ctx, wish)
	if err != nil {
		return Page{}, false, err
	}
	if claim.URL != "" {
		return Page{claim.URL, true}, false, nil
	}
	deal, err := c.deal(ctx, wish, resumed)
	if err != nil {
		return Page{}, false, err
	}
	if !resumed {
		claim.Hash, claim.At = wish.hash(), c.Now().UTC().Truncate(time.Millisecond)
		if saved, err := c.Store.SaveClaim(ctx, claim); err != nil || !saved {
			return Page{}, err == nil, err
		}
		claim.Version++
	}
	url, err := deal(ctx, claim)
	if fault.CodeOf(err) == fault.Contended { // only what is stored here has changed
		return Page{}, true, nil
	}
	if fault.CodeOf(err) == fault.PaymentDeclined {
		claim.Hash, claim.Try = "", claim.Try+1
		_, freed := c.Store.SaveClaim(ctx, claim) // if another request came first, it owns the claim
		c.settled(ctx, wish.Account, freed)
		return Page{}, false, err
	}
	if err != nil {
		return Page{}, false, err
	}
	claim.URL = url
	saved, err := c.Store.SaveClaim(ctx, claim)
	return Page{URL: url}, err == nil && !saved, err
}

// claimOf is the claim of a wish: an earlier claim of the same wish, to be resumed,
// or a new one.
func (c *Cashier) claimOf(ctx context.Context, wish Wish) (claim billing.Claim, resumed bool, err error) {
	stored, err := c.Store.Claim(ctx, wish.Account, string(wish.Key))
	if err != nil || stored == nil {
		return billing.Claim{Account: wish.Account, Key: string(wish.Key)}, false, err
	}
	if stored.Hash != "" && stored.Hash != wish.hash() {
		return billing.Claim{}, false, fault.New(fault.IdempotencyKeyReused,
			"Key %q was already used for a different request; use a new key for a new purchase.", wish.Key)
	}
	return *stored, stored.Hash != "", nil
}

// deal is how a wish is carried out, once it has been claimed. Finding it
// changes nothing.
type deal func(ctx context.Context, claim billing.Claim) (url string, err error)

func (c *Cashier) deal(ctx context.Context, wish Wish, resumed bool) (deal, error) {
	of, err := commit.WalletOf(ctx, c.Store, wish.Account)
	if err != nil {
		return nil, err
	}
	if wish.Pack != "" {
		return c.packDeal(ctx, wish)
	}
	plan, err := c.Store.Plan(ctx, wish.Plan)
	if err != nil {
		return nil, err
	}
	if plan == nil {
		return nil, NoPlan(wish.Plan)
	}
	return c.planDeal(ctx, wish, *plan, of, resumed)
}

func (c *Cashier) packDeal(ctx context.Context, wish Wish) (deal, error) {
	pack, err := c.pack(ctx, wish.Pack)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, claim billing.Claim) (string, error) {
		customer, err := c.customer(ctx, wish.Account)
		if err != nil {
			return "", err
		}
		url, err := c.Processor.PackCheckout(ctx, billing.PackCheckout{
			Account: wish.Account, Customer: customer, Pack: pack, SaveCard: wish.SaveCard,
			SuccessURL: wish.SuccessURL, CancelURL: wish.CancelURL,
			Key: pageKey(wish, claim, pack.PriceID, pack.Name, fmt.Sprint(pack.Credits, pack.ValidityDays)),
		})
		return url, refused(err)
	}, nil
}

// pack is a pack that is on sale.
func (c *Cashier) pack(ctx context.Context, id string) (billing.Pack, error) {
	pack, err := c.Store.Pack(ctx, id)
	if err != nil {
		return billing.Pack{}, err
	}
	if pack == nil {
		return billing.Pack{}, NoPack(id)
	}
	if !pack.Active {
		return billing.Pack{}, fault.New(fault.NotOffered, "Pack %q is no longer sold; GET /v1/packs lists the packs that are.", id)
	}
	return *pack, nil
}

// planPage opens the processor's page for a plan.
func (c *Cashier) planPage(wish Wish, plan billing.Plan) deal {
	return func(ctx context.Context, claim billing.Claim) (string, error) {
		customer, err := c.customer(ctx, wish.Account)
		if err != nil {
			return "", err
		}
		url, err := c.Processor.PlanCheckout(ctx, billing.PlanCheckout{
			Account: wish.Account, Customer: customer, Plan: plan,
			SuccessURL: wish.SuccessURL, CancelURL: wish.CancelURL,
			Key: pageKey(wish, claim, plan.PriceID),
		})
		return url, refused(err)
	}
}

// changeKey is the processor's idempotency key of a wish: a different one after
// each refusal, since the processor repeats a refusal for the same key.
func changeKey(claim billing.Claim) string { return fmt.Sprintf("%s:%d", claim.Key, claim.Try) }

// pageKey is changeKey for a page. If the catalog changes between two tries, so
// does the key: the processor would refuse the same one, and a page by itself costs
// nothing.
func pageKey(wish Wish, claim billing.Claim, sold ...string) string {
	return changeKey(claim) + ":" + digest(append(sold, wish.SuccessURL, wish.CancelURL)...)
}

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// choose opens the dialog of what is on sale and chooses one of it.
func (p *tab) choose(button, offer string) {
	p.Helper()
	p.click(fmt.Sprintf(`[data-test=%q]`, button))
	p.click(fmt.Sprintf(`[data-test="offer"][data-key=%q] [data-test="choose"]`, offer))
}

// pay pays on the processor's page with one of its cards.
func (p *tab) pay(card string) {
	p.Helper()
	p.await("the payment page", fmt.Sprintf(`location.origin === %q && document.querySelector('input[name="card"][value=%q]')`, processor.URL(), card))
	p.step(fmt.Sprintf(`document.querySelector('input[name="card"][value=%q]')`, card))
	p.step(`document.querySelector('form button[type="submit"]')`)
}

// From nothing: choose a pack, be refused, pay with another card, and be back on
// the page with the credits there and the purchase in the history.
func TestAPersonBuysCreditsOnThePage(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	p := openTab(t, desktop, false)
	p.openUsage(b.account)
	equal(t, "available at first", p.exact(`[data-test="available"]`), "0")
	p.await("the way to buy", `document.querySelector('[data-test="activate-plan"]') && document.querySelector('[data-test="get-credits"]')`)
	p.accessible("before a purchase")
	p.shoot("billing-none")
	p.click(`[data-test="get-credits"]`)
	p.await("what is on sale", fmt.Sprintf(`document.querySelector('[data-test="offer"][data-key="pack:%s"]')`, smallPack))
	p.accessible("what is on sale")
	p.shoot("billing-offers")
	p.click(fmt.Sprintf(`[data-test="offer"][data-key="pack:%s"] [data-test="choose"]`, smallPack))

	p.pay("declined")
	p.await("the refusal", `document.querySelector('[role="alert"]')?.innerText.includes('declined')`)
	if got := walletOf(t, b.account).Available; got != 0 {
		t.Errorf("after a refusal there are %s credits", got)
	}
	p.pay("works")
	p.await("the page again", fmt.Sprintf(`location.origin === %q && document.querySelector('[data-test="note-checkout"]')`, platform.URL()))
	equal(t, "what is left in the address", eval[string](p, "location.search + location.hash"), "")
	p.await("the credits", fmt.Sprintf(`document.querySelector('[data-test="available"]')?.dataset.credits === %q`, smallCredits.String()))
	p.await("that they are there", `document.querySelector('[data-test="note-checkout"]')?.dataset.state === 'there'`)
	p.await("the purchase in the history", `document.querySelector('[data-test="bill"][data-kind="purchase"][data-state="paid"] [data-test="receipt"]')`)
	equal(t, "available by the API", walletOf(t, b.account).Available, smallCredits)
	p.accessible("after a purchase")
	p.shoot("billing-bought")
}

func TestAPersonLeavesThePaymentPage(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	p := openTab(t, phone, true)
	p.openUsage(b.account)
	p.choose("get-credits", "pack:"+smallPack)
	p.await("the payment page", fmt.Sprintf(`location.origin === %q && document.querySelector('a[href*="checkout=canceled"]')`, processor.URL()))
	p.step(`document.querySelector('a[href*="checkout=canceled"]')`)
	p.await("that nothing was charged", `document.querySelector('[data-test="note-checkout"]')?.dataset.state === 'canceled'`)
	equal(t, "available", p.exact(`[data-test="available"]`), "0")
}

// A plan from its beginning to its end, and automatic refill beside it.
func TestAPersonManagesThePlanOnThePage(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	p := openTab(t, desktop, true)
	p.openUsage(b.account)
	p.choose("activate-plan", "plan:"+basicPlan)
	p.pay("works")
	p.await("the plan", fmt.Sprintf(`document.querySelector('[data-test="plan"]')?.dataset.key === %q`, basicPlan))
	p.await("its credits", `document.querySelector('[data-test="included-left"]')?.dataset.credits === document.querySelector('[data-test="included"]')?.dataset.credits`)
	p.await("the billing period", `document.querySelector('input[name="range"][value="billing-period"]')`)
	p.click(`input[name="range"][value="billing-period"]`)
	told := b.subscription(t)
	equal(t, "what the page says of the next period", eval[bool](p, `document.querySelector('[data-test="plan-renews"]').innerText.startsWith('Renews on')`), told.RenewsAt != nil)
	p.accessible("with a plan")
	p.shoot("billing-plan")

	p.click(`[data-test="manage-plan"]`)
	p.click(`[data-test="cancel-plan"]`)
	p.click(`[data-test="confirm-cancel"]`)
	p.await("the end", `document.querySelector('[data-test="plan-renews"]')?.innerText.startsWith('Ends on')`)
	equal(t, "canceled by the API", b.subscription(t).CancelAtPeriodEnd, true)
	p.click(`[data-test="manage-plan"]`)
	p.click(`[data-test="resume-plan"]`)
	p.await("that it goes on", `document.querySelector('[data-test="plan-renews"]')?.innerText.startsWith('Renews on')`)
	equal(t, "resumed by the API", b.subscription(t).CancelAtPeriodEnd, false)

	p.await("automatic refill", `document.querySelector('[data-test="auto-refill"]')`)
	p.click(`[data-test="refill-enabled"]`)
	p.fill(`[data-test="refill-threshold"]`, "25")
	p.do(chromedp.Evaluate(fmt.Sprintf(`(e => { e.value = %q; e.dispatchEvent(new Event('change', {bubbles: true})); e.dispatchEvent(new Event('input', {bubbles: true})); })(document.querySelector('[data-test="refill-pack"]')); null`, smallPack), nil))
	p.fill(`[data-test="refill-cap"]`, "100")
	p.click(`[data-test="refill-save"]`)
	p.await("that consent is missing", `document.querySelector('[data-test="wrong-consent"]')?.innerText`)
	p.click(`[data-test="refill-consent"]`)
	p.click(`[data-test="refill-save"]`)
	p.await("that it is armed", `document.querySelector('[data-test="auto-refill"]')?.dataset.state === 'armed'`)
	if refill := b.refill(t); !refill.Enabled || refill.MonthlyCap == nil || refill.MonthlyCap.Amount != 10_000 {
		t.Errorf("by the API the refill is %+v", refill)
	}
	p.accessible("with automatic refill")
	p.shoot("billing-refill")

	p.click(`[data-test="portal"]`)
	p.await("the portal", fmt.Sprintf(`location.origin === %q && location.pathname.startsWith('/portal/')`, processor.URL()))
	if !strings.Contains(eval[string](p, "document.body.innerText"), "card") {
		t.Errorf("the portal shows %s", p.dump())
	}
}

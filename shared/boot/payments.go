package boot

import (
	"context"
	"log/slog"

	"drawdown/shared/cashier"
	"drawdown/shared/dynamo"
	"drawdown/shared/settlement"
	"drawdown/shared/stripepay"
	"drawdown/shared/telemetry"
)

// processor is Stripe. Only a function that asks for it carries its SDK.
func (p *Platform) processor() *stripepay.Processor {
	return stripepay.Open(stripepay.Options{Keys: p.StripeKeys(), URL: p.env(EnvStripeURL), Now: p.Now, Deployment: p.env(EnvDeployment)})
}

// sales is what is bought and sold, and the ledgers that it changes.
type sales struct {
	*dynamo.Ledger
	*dynamo.Catalog
	*dynamo.Billing
}

func (p *Platform) sales() sales {
	return sales{p.Tables.Ledger, p.Tables.Catalog, p.Tables.Billing}
}

// Settler settles what Stripe and the calendar say.
func (p *Platform) Settler() *settlement.Settler { return p.settler(p.processor()) }

func (p *Platform) settler(stripe *stripepay.Processor) *settlement.Settler {
	return &settlement.Settler{
		Store: p.sales(), Committer: p.Committer, Processor: stripe, Now: p.Now,
		OnTwoSubscriptions: noteTwoSubscriptions, OnPaidForNothing: notePaidForNothing,
	}
}

// Cashier serves buyers.
func (p *Platform) Cashier() *cashier.Cashier {
	stripe := p.processor()
	return &cashier.Cashier{
		Store: p.sales(), Committer: p.Committer, Processor: stripe, Settler: p.settler(stripe), Now: p.Now, OnDelay: noteDelay,
	}
}

func noteDelay(ctx context.Context, account string, err error) {
	telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
	slog.ErrorContext(ctx, "a change at the processor could not be settled at once; its webhook will settle it", "account", account, "error", err.Error())
}

func noteTwoSubscriptions(ctx context.Context, account, older, stands string) {
	telemetry.Add(ctx, telemetry.Count(telemetry.MoneyForNothing, 1))
	slog.ErrorContext(ctx, "an account has two paid subscriptions; the older one will not be renewed: refund it", "account", account, "older", older, "stands", stands)
}

func notePaidForNothing(ctx context.Context, account, invoice string) {
	telemetry.Add(ctx, telemetry.Count(telemetry.MoneyForNothing, 1))
	slog.ErrorContext(ctx, "an invoice was paid after its subscription had ended and granted no credits: refund it", "account", account, "invoice", invoice)
}

package main

import (
	"context"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
	"drawdown/shared/session"
)

// profiles are the accounts as they are listed, those after one, at most limit;
// nil is none.
type profiles interface {
	Profile(ctx context.Context, account string) (*ledger.Profile, error)
	Profiles(ctx context.Context, after string, limit int) ([]ledger.Profile, error)
}

// store is everything that the operator manages, apart from the ledgers.
type store interface {
	profiles
	rating.Cards
	apiKeys
	hooks
}

type handler struct {
	committer *commit.Committer
	store     store
	sessions  *session.Tokens
	now       func() time.Time
	local     bool // whether webhooks may reach local networks
}

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.PutAccount, httpapi.DecodeAccount, h.putAccount, httpapi.EncodeAccount),
		httpapi.Handle(httpapi.GetAccount, httpapi.DecodeAccountID, h.account, httpapi.EncodeAccount),
		httpapi.Handle(httpapi.ListAccounts, httpapi.DecodePage, h.accounts, httpapi.EncodeAccounts),
		httpapi.Handle(httpapi.PostGrant, httpapi.DecodeGrant, h.grant, httpapi.EncodeGrant),
		httpapi.Handle(httpapi.PostSession, httpapi.DecodeSession, h.openSession, httpapi.EncodeSession),
		httpapi.Handle(httpapi.PutRateCard, httpapi.DecodeRateCard, h.putRateCard, httpapi.EncodePublished),
		httpapi.Handle(httpapi.GetRateCard, httpapi.DecodeVersion, h.rateCard, httpapi.EncodeRateCard),
		httpapi.Handle(httpapi.ListRateCards, httpapi.DecodePage, h.rateCards, httpapi.EncodeRateCards),
		httpapi.Handle(httpapi.PostAPIKey, httpapi.DecodeAPIKey, h.addKey, httpapi.EncodeIssuedKey),
		httpapi.Handle(httpapi.ListAPIKeys, httpapi.DecodePage, h.keys, httpapi.EncodeAPIKeys),
		httpapi.Handle(httpapi.DeleteAPIKey, httpapi.DecodeKeyID, h.revokeKey, httpapi.EncodeRevoked),
		httpapi.Handle(httpapi.PutEndpoint, httpapi.DecodeEndpoint(h.checkURL), h.putEndpoint, httpapi.EncodeSavedEndpoint),
		httpapi.Handle(httpapi.GetEndpoint, httpapi.DecodeEndpointID, h.endpoint, httpapi.EncodeEndpoint),
		httpapi.Handle(httpapi.DeleteEndpoint, httpapi.DecodeEndpointID, h.removeEndpoint, httpapi.EncodeRemovedEndpoint),
		httpapi.Handle(httpapi.ListEndpoints, httpapi.DecodePage, h.endpoints, httpapi.EncodeEndpoints),
		httpapi.Handle(httpapi.RotateEndpoint, httpapi.DecodeEndpointID, h.rotateEndpoint, httpapi.EncodeRotatedEndpoint),
		httpapi.Handle(httpapi.ListDeliveries, httpapi.DecodeDeliveries, h.deliveries, httpapi.EncodeDeliveries),
		httpapi.Handle(httpapi.ResendDelivery, httpapi.DecodeDeliveryID, h.resend, httpapi.EncodeResent),
		httpapi.Handle(httpapi.GetOpenAPI, httpapi.DecodeNothing, h.document, httpapi.EncodeDocument),
		httpapi.Handle(httpapi.GetHealth, httpapi.DecodeNothing, h.health, httpapi.EncodeHealth),
	)
}

func (h *handler) putAccount(ctx context.Context, command httpapi.Command) (httpapi.Account, error) {
	outcome := h.committer.Do(ctx, command.Account, command.Command)
	if outcome.Err != nil {
		return httpapi.Account{}, outcome.Err
	}
	account, err := h.account(ctx, command.Account)
	account.Created = outcome.Entry != nil && outcome.Entry.Seq == 1
	return account, err
}

func (h *handler) account(ctx context.Context, id string) (httpapi.Account, error) {
	profile, err := h.store.Profile(ctx, id)
	if err != nil {
		return httpapi.Account{}, err
	}
	if profile == nil {
		return httpapi.Account{}, ledger.NoAccount(id)
	}
	return accountOf(*profile), nil
}

func accountOf(p ledger.Profile) httpapi.Account {
	return httpapi.Account{ID: p.Account, Settings: p.Settings, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
}

func (h *handler) accounts(ctx context.Context, page httpapi.PageQuery) (httpapi.Listing[httpapi.Account], error) {
	profiles, err := h.store.Profiles(ctx, page.After, page.Limit+1)
	accounts := make([]httpapi.Account, len(profiles))
	for i, profile := range profiles {
		accounts[i] = accountOf(profile)
	}
	return httpapi.Listing[httpapi.Account]{Read: accounts, Limit: page.Limit}, err
}

func (h *handler) grant(ctx context.Context, command httpapi.Command) (commit.Outcome, error) {
	outcome := h.committer.Do(ctx, command.Account, command.Command)
	return outcome, outcome.Err
}

// openSession signs a session for one account.
func (h *handler) openSession(ctx context.Context, wanted httpapi.NewSession) (httpapi.IssuedSession, error) {
	account, err := h.account(ctx, wanted.Account)
	if err != nil {
		return httpapi.IssuedSession{}, err
	}
	issued := h.now().UTC().Truncate(time.Second) // the precision of a token
	opened := access.Session{
		Account: account.ID, Name: account.Settings.Name, Zone: account.Settings.Zone,
		ReturnURL: wanted.ReturnURL, IssuedAt: issued, ExpiresAt: issued.Add(wanted.TTL),
	}
	token, err := h.sessions.Sign(ctx, opened)
	return httpapi.IssuedSession{Token: token, Origin: wanted.Origin, ExpiresAt: opened.ExpiresAt}, err
}

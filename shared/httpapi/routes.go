package httpapi

// Access is who may call a route. The zero value admits no one, so that a route
// declared without it fails closed.
type Access string

// The scopes of a route. Public routes need no key.
const (
	Public   Access = "public"
	Debit    Access = "debit"
	Read     Access = "read"
	Purchase Access = "purchase"
	Admin    Access = "admin"
)

// The functions that serve HTTP, named after their folder and binary.
const (
	FunctionDebit  = "debit"
	FunctionManage = "manage"
	FunctionUsage  = "usage"
	FunctionAudit  = "audit"

	FunctionCheckout = "checkout"
	FunctionWebhook  = "webhook"
	FunctionPage     = "page"
)

// Route is one operation of the HTTP API. The CDK app creates API Gateway's
// routes from this table, the functions look up their handlers in it, and the
// OpenAPI document is tested against it.
type Route struct {
	Function string // the folder under functions/ whose binary serves it
	Method   string
	Path     string // API Gateway's notation: {name} is a path parameter
	Access   Access
	Keyed    bool // an Idempotency-Key header is required
}

// Key is the route in API Gateway's notation, "METHOD /path".
func (r Route) Key() string { return r.Method + " " + r.Path }

// Every route of the platform.
var (
	PostDebit     = Route{FunctionDebit, "POST", "/v1/accounts/{account_id}/debits", Debit, true}
	GetDebit      = Route{FunctionDebit, "GET", "/v1/accounts/{account_id}/debits/{operation_id}", Debit, false}
	PostReversal  = Route{FunctionDebit, "POST", "/v1/accounts/{account_id}/debits/{operation_id}/reversals", Debit, true}
	PostBatch     = Route{FunctionDebit, "POST", "/v1/debits/batch", Debit, false}
	PostQuote     = Route{FunctionDebit, "POST", "/v1/accounts/{account_id}/quotes", Debit, false}
	PutAccount    = Route{FunctionManage, "PUT", "/v1/accounts/{account_id}", Admin, false}
	GetAccount    = Route{FunctionManage, "GET", "/v1/accounts/{account_id}", Admin, false}
	ListAccounts  = Route{FunctionManage, "GET", "/v1/accounts", Admin, false}
	PostGrant     = Route{FunctionManage, "POST", "/v1/accounts/{account_id}/grants", Admin, true}
	PutRateCard   = Route{FunctionManage, "PUT", "/v1/rate-cards/{version}", Admin, false}
	GetRateCard   = Route{FunctionManage, "GET", "/v1/rate-cards/{version}", Admin, false}
	ListRateCards = Route{FunctionManage, "GET", "/v1/rate-cards", Admin, false}
	PostAPIKey    = Route{FunctionManage, "POST", "/v1/api-keys", Admin, false}
	ListAPIKeys   = Route{FunctionManage, "GET", "/v1/api-keys", Admin, false}
	PostSession   = Route{FunctionManage, "POST", "/v1/accounts/{account_id}/sessions", Admin, false}
	DeleteAPIKey  = Route{FunctionManage, "DELETE", "/v1/api-keys/{key_id}", Admin, false}
	GetOpenAPI    = Route{FunctionManage, "GET", "/openapi.yaml", Public, false}
	GetHealth     = Route{FunctionManage, "GET", "/healthz", Public, false}
	GetBalance    = Route{FunctionUsage, "GET", "/v1/accounts/{account_id}/balance", Read, false}
	GetUsage      = Route{FunctionUsage, "GET", "/v1/accounts/{account_id}/usage", Read, false}
	GetAudit      = Route{FunctionAudit, "GET", "/v1/accounts/{account_id}/audit", Admin, false}
	ListEntries   = Route{FunctionUsage, "GET", "/v1/accounts/{account_id}/entries", Read, false}
	CurrentRates  = Route{FunctionUsage, "GET", "/v1/rate-card", Read, false}
	GetPage       = Route{FunctionPage, "GET", "/usage", Public, false}
	GetPageAsset  = Route{FunctionPage, "GET", "/usage/{asset}", Public, false}
)

// The routes of the catalog, of purchases and of the billing history.
var (
	PutPlan            = Route{FunctionCheckout, "PUT", "/v1/plans/{plan_id}", Admin, false}
	GetPlan            = Route{FunctionUsage, "GET", "/v1/plans/{plan_id}", Read, false}
	ListPlans          = Route{FunctionUsage, "GET", "/v1/plans", Read, false}
	PutPack            = Route{FunctionCheckout, "PUT", "/v1/packs/{pack_id}", Admin, false}
	GetPack            = Route{FunctionUsage, "GET", "/v1/packs/{pack_id}", Read, false}
	ListPacks          = Route{FunctionUsage, "GET", "/v1/packs", Read, false}
	PostCheckout       = Route{FunctionCheckout, "POST", "/v1/accounts/{account_id}/checkouts", Purchase, true}
	PostPortal         = Route{FunctionCheckout, "POST", "/v1/accounts/{account_id}/portal", Purchase, false}
	GetSubscription    = Route{FunctionUsage, "GET", "/v1/accounts/{account_id}/subscription", Read, false}
	CancelSubscription = Route{FunctionCheckout, "POST", "/v1/accounts/{account_id}/subscription/cancel", Purchase, false}
	ResumeSubscription = Route{FunctionCheckout, "POST", "/v1/accounts/{account_id}/subscription/resume", Purchase, false}
	PutRefill          = Route{FunctionCheckout, "PUT", "/v1/accounts/{account_id}/auto-refill", Purchase, false}
	GetRefill          = Route{FunctionUsage, "GET", "/v1/accounts/{account_id}/auto-refill", Purchase, false}
	GetHistory         = Route{FunctionUsage, "GET", "/v1/accounts/{account_id}/billing-history", Read, false}
)

// The routes of webhooks, sent to operators and received from Stripe.
var (
	PutEndpoint    = Route{FunctionManage, "PUT", "/v1/webhook-endpoints/{endpoint_id}", Admin, false}
	GetEndpoint    = Route{FunctionManage, "GET", "/v1/webhook-endpoints/{endpoint_id}", Admin, false}
	DeleteEndpoint = Route{FunctionManage, "DELETE", "/v1/webhook-endpoints/{endpoint_id}", Admin, false}
	ListEndpoints  = Route{FunctionManage, "GET", "/v1/webhook-endpoints", Admin, false}
	RotateEndpoint = Route{FunctionManage, "POST", "/v1/webhook-endpoints/{endpoint_id}/secret", Admin, false}
	ListDeliveries = Route{FunctionManage, "GET", "/v1/webhook-endpoints/{endpoint_id}/deliveries", Admin, false}
	ResendDelivery = Route{FunctionManage, "POST", "/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/resend", Admin, false}
	StripeWebhook  = Route{FunctionWebhook, "POST", "/v1/webhooks/stripe", Public, false}
)

// Routes lists them, in the order of the documentation.
func Routes() []Route {
	return []Route{
		PostDebit, GetDebit, PostReversal, PostBatch, PostQuote,
		PutAccount, GetAccount, ListAccounts, PostGrant, PostSession,
		PutRateCard, GetRateCard, ListRateCards,
		PostAPIKey, ListAPIKeys, DeleteAPIKey,
		GetBalance, GetUsage, ListEntries, CurrentRates,
		PutPlan, GetPlan, ListPlans, PutPack, GetPack, ListPacks,
		PostCheckout, PostPortal, GetSubscription, CancelSubscription, ResumeSubscription, PutRefill, GetRefill, GetHistory,
		GetAudit,
		PutEndpoint, GetEndpoint, DeleteEndpoint, ListEndpoints, RotateEndpoint, ListDeliveries, ResendDelivery, StripeWebhook,
		GetPage, GetPageAsset,
		GetOpenAPI, GetHealth,
	}
}

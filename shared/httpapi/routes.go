package httpapi

// Access says who may call a route. The zero value admits nobody, so that a
// route declared without it fails closed.
type Access string

// The scopes of a route. Public routes need no key at all.
const (
	Public   Access = "public"
	Debit    Access = "debit"
	Read     Access = "read"
	Purchase Access = "purchase"
	Admin    Access = "admin"
)

// The functions that serve HTTP, by the name of their folder and binary.
const (
	FunctionDebit  = "debit"
	FunctionManage = "manage"
	FunctionUsage  = "usage"
	FunctionAudit  = "audit"
	FunctionPage   = "page"
)

// Route is one operation of the HTTP API. The CDK app makes API Gateway's
// routes from this table, the functions look up their handlers by it, and the
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

// Routes lists them, in the order of the documentation.
func Routes() []Route {
	return []Route{
		PostDebit, GetDebit, PostReversal, PostBatch, PostQuote,
		PutAccount, GetAccount, ListAccounts, PostGrant, PostSession,
		PutRateCard, GetRateCard, ListRateCards,
		PostAPIKey, ListAPIKeys, DeleteAPIKey,
		GetBalance, GetUsage, ListEntries, CurrentRates,
		GetAudit,
		GetPage, GetPageAsset,
		GetOpenAPI, GetHealth,
	}
}

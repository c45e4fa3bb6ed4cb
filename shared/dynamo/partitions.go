package dynamo

// How the partitions of Accounts begin that several kinds of items share, for
// whoever is allowed no others.
const (
	AccountPK = "A#"      // an account's profile, subscription, bills, ...
	CatalogPK = catalogPK // rate cards, plans and packs
	APIKeyPK  = "KEY#"    // API keys, each in one of its own
)

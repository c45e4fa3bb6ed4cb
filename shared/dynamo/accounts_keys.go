package dynamo

// How the partitions of Accounts begin, for whoever is allowed no others.
const (
	AccountPK = "A#"    // an account's profile, and its subscription, bills, ...
	APIKeyPK  = "KEY#"  // API keys, each in one of its own
	AuditPK   = "AUDIT" // the one that the audit writes
)

const (
	profileSK = "PROFILE"
	keySK     = "KEY"

	kindAccount = "ACCOUNT"
	kindKey     = "KEY"
)

// profileKey is what is listed of an account, in Accounts.
func profileKey(account string) Key { return Key{"A#" + account, profileSK} }

// apiKeyKey is an API key, in Accounts.
func apiKeyKey(id string) Key { return Key{APIKeyPK + id, keySK} }

// auditCursorKey is where the audit of all accounts goes on, in Accounts.
func auditCursorKey() Key { return Key{AuditPK, "CURSOR"} }

package dynamo

// Attribute names of the keys. Every table has the partition key pk.
const (
	attrPK       = "pk"
	attrSK       = "sk"
	attrWallet   = "w"  // Ledger, index by_seq: the wallet's key
	attrSeq      = "n"  // Ledger, index by_seq: the entry's number in it; Wallets: the wallet's seq
	attrOther    = "x"  // Ledger, index others: the wallet's key, of every entry but debits
	attrListKind = "lk" // Accounts, index list: what kind of thing
	attrListID   = "li" // Accounts, index list: its id
	attrDueIn    = "db" // Accounts, index due: bucket
	attrDueAt    = "dt" // Accounts, index due: time#account
	attrExpiry   = "xt" // Accounts: when an item may go, in Unix seconds
)

// KeyType is the DynamoDB type of a key attribute.
type KeyType string

// The key types in use.
const (
	String KeyType = "S"
	Number KeyType = "N"
)

// Attribute is a key attribute of a table or an index.
type Attribute struct {
	Name string
	Type KeyType
}

// Index is a global secondary index; it is sparse where items lack its keys.
type Index struct {
	Name      string
	Partition Attribute
	Sort      Attribute
	KeysOnly  bool // otherwise it projects all attributes
}

// Table is one table of the design: its logical name, keys and indexes. The
// CDK app creates it from here; functions find its real name in the
// environment variable EnvVar.
type Table struct {
	Name      string
	EnvVar    string
	Partition Attribute
	Sort      Attribute // zero where the table has none
	Stream    bool      // new and old images
	Expiry    string    // the attribute by which items go some time after it; empty: none go
	Indexes   []Index
}

var (
	pk = Attribute{attrPK, String}
	sk = Attribute{attrSK, String}
)

// The tables.
var (
	// WalletsTable is the only streamed table: one item an account, which every command writes.
	WalletsTable = Table{Name: "Wallets", EnvVar: "WALLETS_TABLE", Partition: pk, Stream: true}
	// LedgerTable holds the immutable entries, spread by operation id.
	LedgerTable = Table{Name: "Ledger", EnvVar: "LEDGER_TABLE", Partition: pk, Sort: sk, Indexes: []Index{BySeq, Others}}
	// UsageTable holds the aggregates, written by the roll-up only.
	UsageTable = Table{Name: "Usage", EnvVar: "USAGE_TABLE", Partition: pk, Sort: sk}
	// AccountsTable holds profiles, the catalog and the API keys.
	AccountsTable = Table{Name: "Accounts", EnvVar: "ACCOUNTS_TABLE", Partition: pk, Sort: sk, Expiry: attrExpiry, Indexes: []Index{Due, List}}
)

// The indexes.
var (
	// BySeq lists a wallet's entries in order. It projects all attributes: the
	// statement and the roll-up read entries from here.
	BySeq = Index{Name: "by_seq", Partition: Attribute{attrWallet, String}, Sort: Attribute{attrSeq, Number}}
	// Others lists a wallet's entries but its debits, which are so many that what
	// is between them could not be found. It is sparse, so debits do not pay for it.
	Others = Index{Name: "others", Partition: Attribute{attrOther, String}, Sort: Attribute{attrSeq, Number}}
	// Due is the sparse index of everything that a schedule sweeps.
	Due = Index{Name: "due", Partition: Attribute{attrDueIn, String}, Sort: Attribute{attrDueAt, String}, KeysOnly: true}
	// List is the sparse index behind every listing, so that none needs a scan.
	List = Index{Name: "list", Partition: Attribute{attrListKind, String}, Sort: Attribute{attrListID, String}}
)

// Schema is all tables.
func Schema() []Table { return []Table{WalletsTable, LedgerTable, UsageTable, AccountsTable} }

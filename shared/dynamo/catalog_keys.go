package dynamo

// CatalogPK is the one partition of the catalog, in Accounts.
const CatalogPK = "CATALOG"

const (
	planSK    = "PLAN#"
	packSK    = "PACK#"
	cardSK    = "RATECARD#"
	firstCard = "FIRSTCARD"
)

// planKey and packKey are what is sold, in Accounts, each kind read with one Query.
func planKey(id string) Key { return Key{CatalogPK, planSK + id} }
func packKey(id string) Key { return Key{CatalogPK, packSK + id} }

// rateCardKey is a rate card, in Accounts; the catalog is one partition, read
// with one Query.
func rateCardKey(version string) Key { return Key{CatalogPK, cardSK + version} }

// firstCardKey marks that a rate card has been published, in Accounts.
func firstCardKey() Key { return Key{CatalogPK, firstCard} }

package archtest

import (
	"maps"
	"slices"
	"strings"
)

// kind is the kind of a package of shared/.
type kind string

const (
	// inDomain holds the rules: pure, and ranked, so that each package imports only
	// those of a lower rank.
	inDomain kind = "domain"
	// isAdapter calls one service. It may import the domain, and no other adapter.
	isAdapter kind = "adapter"
	// isEdge receives calls and answers them. It may import the domain, and no adapter.
	isEdge kind = "edge"
	// isTestKit is imported only by tests and by other test kits.
	isTestKit kind = "test kit"
)

// place is the place of a package in the layout.
type place struct {
	kind kind
	rank int // of the domain

	sdks  []string // of an adapter: what it alone imports, by a part of the path
	may   []string // what it imports beyond what its kind may
	waits bool     // of the domain: it waits by a timer
	clock bool     // of the domain: it reads the clock
	wires bool     // of an edge: it imports all adapters and edges
}

func domain(rank int) place            { return place{kind: inDomain, rank: rank} }
func adapter(sdks ...string) place     { return place{kind: isAdapter, sdks: sdks} }
func edge() place                      { return place{kind: isEdge} }
func testKit() place                   { return place{kind: isTestKit} }
func (p place) with(m ...string) place { p.may = m; return p }
func (p place) waiting() place         { p.waits = true; return p }
func (p place) timing() place          { p.clock = true; return p }
func (p place) wiring() place          { p.wires = true; return p }

// places lists every package of shared/, one per line. To add a package, decide
// here what it is.
var places = map[string]place{
	"shared/pause":      domain(0).waiting(),
	"shared/parallel":   domain(0).with("golang.org/x/sync/errgroup", "runtime/debug"), // a panic is reported with its stack
	"shared/fault":      domain(0),
	"shared/credit":     domain(1),
	"shared/access":     domain(2),
	"shared/money":      domain(2),
	"shared/rating":     domain(2),
	"shared/webhooks":   domain(2).with(contract, "net/netip", "net/url"), // messages on their way to addresses, which it checks and never calls
	"shared/ledger":     domain(3),
	"shared/commit":     domain(4).timing(), // stops before its caller's deadline; it decides nothing by the clock
	"shared/usage":      domain(4),
	"shared/audit":      domain(5),
	"shared/billing":    domain(5),
	"shared/rollup":     domain(5),
	"shared/cashier":    domain(6),
	"shared/settlement": domain(6),

	// What schedules, streams and events trigger: each logs and counts what it
	// could not do.
	"shared/auditor":  domain(7).timing().with(contract, "log/slog", "shared/telemetry"),
	"shared/calendar": domain(7).with("log/slog", "shared/telemetry"),
	"shared/catchup":  domain(7).with("log/slog", "shared/telemetry"),
	"shared/delivery": domain(7).timing().with(contract, "log/slog", "shared/telemetry"),
	"shared/relay":    domain(7).with(contract, "log/slog", "shared/telemetry"),

	"shared/dynamo":    adapter("/aws-sdk-go-v2/service/dynamodb", "/aws-sdk-go-v2/feature/dynamodb"),
	"shared/eventbus":  adapter("/aws-sdk-go-v2/service/eventbridge"),
	"shared/failures":  adapter("/aws-sdk-go-v2/service/s3").with("shared/telemetry"), // counts what it has retried
	"shared/memory":    adapter(),                                                     // the tables' contract in memory
	"shared/outbound":  adapter(),                                                     // any package may call the world by net/http
	"shared/secrets":   adapter("/aws-sdk-go-v2/service/secretsmanager"),
	"shared/session":   adapter("github.com/golang-jwt/jwt"),
	"shared/stripepay": adapter("github.com/stripe/stripe-go"),
	"shared/telemetry": adapter(), // the log, from which CloudWatch counts

	"shared/boot":     edge().wiring(), // makes the clients, and passes them on
	"shared/httpapi":  edge().with("shared/telemetry"),
	"shared/lambdaio": edge().with("shared/telemetry"),

	"shared/census":                testKit(),
	"shared/commit/committest":     testKit(),
	"shared/dynamo/dynamotest":     testKit(),
	"shared/eventbus/eventbustest": testKit(),
	"shared/failures/failurestest": testKit(),
	"shared/httpapi/httpapitest":   testKit(),
	"shared/ledger/ledgertest":     testKit(),
	"shared/rollup/rolluptest":     testKit(),
}

// contract are the messages on the event bus, which all but the inner domain may
// import.
const contract = "events"

// domainImports are the packages of the standard library that the domain may use:
// none that reaches outside the process or uses a wire format.
var domainImports = []string{
	"bytes", "cmp", "context", "crypto/hmac", "crypto/rand", "crypto/sha256", "crypto/subtle", "encoding/base32", "encoding/base64",
	"encoding/binary", "encoding/hex", "errors", "fmt", "hash", "iter", "maps", "math", "math/big", "math/bits", "math/rand/v2", "slices",
	"sort", "strconv", "strings", "sync", "sync/atomic", "time", "unicode", "unicode/utf8",
}

func placeRules() []Rule {
	return []Rule{
		{"every package has a place", "a package without a place would be checked by no rule", packagesWithoutPlace},
		{"domain imports", "the domain needs no AWS, HTTP, JSON, files or logs, and imports only what ranks below it",
			importsOf(inDomain, func(p place, imported string) bool {
				other, known := places[imported]
				return slices.Contains(domainImports, imported) || known && other.kind == inDomain && other.rank < p.rank
			})},
		{"adapters know the domain alone", "an adapter that depends on an edge or another adapter cannot be replaced by itself",
			importsOf(isAdapter, func(_ place, imported string) bool {
				return !ours(imported) || imported == contract || places[imported].kind == inDomain
			})},
		{"edges know no adapter", "an edge only translates; it must not depend on where things are stored",
			importsOf(isEdge, func(p place, imported string) bool {
				other := places[imported].kind
				return !ours(imported) || imported == contract || other == inDomain || p.wires && (other == isAdapter || other == isEdge)
			})},
		{"test kits are for tests", "what breaks things on purpose must not be deployed",
			everyImport(func(f *File, imported string) string {
				imported = strings.TrimPrefix(imported, module+"/")
				kit := places[imported].kind == isTestKit || shipped(f) && (imported == "testing" || imported == "net/http/httptest")
				if kit && !f.Test && places[f.Dir].kind != isTestKit {
					return f.Dir + " may not import " + imported + " outside tests"
				}
				return ""
			})},
		{"the contract stands alone", "messages must not depend on their senders or receivers",
			everyImport(func(f *File, imported string) string {
				if f.In(contract) && !f.Test && strings.HasPrefix(imported, module+"/") && !strings.HasPrefix(imported, module+"/"+contract+"/") {
					return f.Dir + " may not import " + imported
				}
				return ""
			})},
		{"one importer a service", "a service's exceptions and limits are handled in one place",
			everyImport(func(f *File, imported string) string {
				for home, p := range places {
					for _, sdk := range p.sdks {
						if strings.Contains(imported, sdk) && !f.In(home) && !f.In("infra") {
							return imported + " is imported by " + home + " alone"
						}
					}
				}
				return ""
			})},
	}
}

// importsOf lists what the packages of a kind import, except in tests. Our own
// packages are named without the module.
func importsOf(k kind, may func(p place, imported string) bool) func(*Tree) []string {
	return everyImport(func(f *File, imported string) string {
		p := places[f.Dir]
		own := strings.TrimPrefix(imported, module+"/")
		if p.kind != k || f.Test || slices.Contains(p.may, own) || may(p, own) {
			return ""
		}
		return "the " + string(k) + " may not import " + imported
	})
}

// ours reports whether a path, without the module, is a package of this repository
// that is deployed.
func ours(imported string) bool {
	return imported == contract || strings.HasPrefix(imported, "shared/") || strings.HasPrefix(imported, "functions/") || strings.HasPrefix(imported, "infra/")
}

func packagesWithoutPlace(t *Tree) []string {
	var found []string
	there := map[string]bool{}
	for _, f := range t.Files {
		if strings.HasPrefix(f.Dir, "shared/") {
			there[f.Dir] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(there)) {
		_, placed := places[dir]
		found = append(found, when(!placed, dir+" has no place: add it to infra/archtest/places.go")...)
	}
	for _, dir := range slices.Sorted(maps.Keys(places)) {
		found = append(found, when(!there[dir], dir+" has a place, and is not there")...)
	}
	return found
}

// pure reports whether the file must keep the domain's rules: tests may read
// clocks.
func pure(f *File) bool { return places[f.Dir].kind == inDomain && !f.Test }

package dynamo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
	"drawdown/shared/rating"
)

var createdAt = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// usualWallet is of an account with a plan, two purchases and overage.
func usualWallet() ledger.Wallet {
	wallet := ledger.Wallet{
		Account: "acct_1NXWPnLkdIwHu7ix", Seq: 1_234_567, LastAt: createdAt,
		Settings: ledger.Settings{
			Name: "Ex Libris Stationery and Print GmbH", Zone: "America/Argentina/Buenos_Aires", Status: ledger.Active,
			Overage: &ledger.Overage{Policy: ledger.Bill, Limit: 100_000 * credit.Credit}, LowBalance: 500 * credit.Credit,
		},
		OverageUsed: 123_456_789,
		Alerts:      []ledger.Alert{{Seq: 1_234_567, Kind: ledger.LowBalance}, {Seq: 1_234_567, Kind: ledger.OverageStarted}},
	}
	for _, id := range []string{"g1234001", "g1234002", "g1234003"} {
		wallet.Grants = append(wallet.Grants, ledger.Grant{
			ID: id, Amount: 123_456_789_000, Remaining: 98_765_432_100,
			Terms: ledger.Terms{Source: ledger.FromAutoRefill, Priority: 100, EffectiveAt: createdAt, ExpiresAt: createdAt.AddDate(1, 0, 0)},
		})
	}
	return wallet
}

// usualDebit is of one line, with ids as long as UUIDs.
func usualDebit() ledger.Entry {
	return ledger.Entry{
		Account: "acct_1NXWPnLkdIwHu7ix", Operation: "3f29b1c2-7c5e-4f43-9b60-7d6c5d0f9a11", Hash: ledger.Hash{1}, Seq: 1_234_567,
		CreatedAt: createdAt, Credits: 3 * credit.Credit, Change: -3 * credit.Credit,
		After: ledger.Balance{Available: 123_456_789_000, OverageUsed: 123_456_789}, Alerts: []ledger.AlertKind{ledger.LowBalance},
		Detail: &ledger.Charge{
			Agent:   ledger.Agent{ID: "agent_6f1ed002ab5595859014ebf0951522d9", Name: "Reception and order desk"},
			Channel: "chat_portal", Conversation: "5d0f9a11-7c5e-4f43-9b60-3f29b1c27d6c", Messages: 1, Run: "9b603f29-b1c2-7c5e-4f43-7d6c5d0f9a11",
			OccurredAt: createdAt, Day: "2026-11-23", RateCard: "2026-11-01",
			Lines: []rating.Priced{{
				Line:    rating.Line{Item: rating.Item{Node: "knowledge_base_search", Action: "run"}, Quantity: 2 * credit.Credit},
				PerUnit: 1_500_000, Credits: 3 * credit.Credit,
			}},
			Drawn: []ledger.Draw{{
				Part:  ledger.Part{GrantID: "g1234001", Credits: 3 * credit.Credit},
				Terms: ledger.Terms{Source: ledger.FromAutoRefill, Priority: 100, EffectiveAt: createdAt, ExpiresAt: createdAt.AddDate(1, 0, 0)},
			}},
		},
	}
}

// One kilobyte is what one write unit writes.
func TestTheUsualItemsFitOneWriteUnit(t *testing.T) {
	wallet, entry := usualWallet(), usualDebit()
	walletItem, err := encodeWallet(&wallet)
	if err != nil {
		t.Fatal(err)
	}
	entryItem, err := encodeEntry(&entry)
	if err != nil {
		t.Fatal(err)
	}
	for name, item := range map[string]map[string]types.AttributeValue{"wallet": walletItem, "entry": entryItem} {
		size := itemSize(item)
		t.Logf("a usual %s has %d bytes", name, size)
		if size > 1024 {
			t.Errorf("a usual %s has %d bytes", name, size)
		}
	}
}

// What a plan and automatic refill add to a wallet: less than what would cost a
// second write unit beside what the usual account has.
func TestPlanAndRefillAddLittle(t *testing.T) {
	wallet := usualWallet()
	bare, err := encodeWallet(&wallet)
	if err != nil {
		t.Fatal(err)
	}
	wallet.Owed = credit.Credit
	wallet.Plan = &ledger.PlanState{
		Subscription: "sub_1NXWPnLkdIwHu7ixK2m4Qd8s", Plan: "team-monthly", Start: createdAt, End: createdAt, LapseAt: createdAt, Included: 1000 * credit.Credit,
		Overage: ledger.Overage{Policy: ledger.Bill, Limit: 1000 * credit.Credit}, OverageRate: money.Rate{PerCredit: 1_500_000, Currency: "usd"}, Rollover: 100 * credit.Credit,
	}
	wallet.Refill = &ledger.RefillState{
		Phase: ledger.RefillInFlight, Threshold: 100 * credit.Credit, Pack: "pack-500", Cap: money.Money{Minor: 100_000, Currency: "usd"}, Month: "2026-11", Spent: 2500,
		ID: "rf_acct_1NXWPnLkdIwHu7ix_1234567", Buys: "pack-500", Price: money.Money{Minor: 2500, Currency: "usd"}, Credits: 500 * credit.Credit, ValidityDays: 365, Since: createdAt,
	}
	full, err := encodeWallet(&wallet)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a usual wallet has %d bytes, with a plan and a refill in flight %d", itemSize(bare), itemSize(full))
	if size := itemSize(full); size > 1024 {
		t.Errorf("with a plan and a refill in flight it has %d bytes", size)
	}
}

// An entry with the most lines and draws must fit an item, and a transaction 99 usual ones.
func TestTheLargestItemsFit(t *testing.T) {
	const itemLimit, lines = 400 * 1024, 50
	entry, wallet := usualDebit(), usualWallet()
	charge := ledger.DetailOf[*ledger.Charge](&entry)
	for len(charge.Lines) < lines {
		charge.Lines = append(charge.Lines, charge.Lines[0])
	}
	for len(charge.Drawn) < 50 {
		charge.Drawn = append(charge.Drawn, charge.Drawn[0])
	}
	for len(wallet.Grants) < 60 {
		wallet.Grants = append(wallet.Grants, wallet.Grants[0])
	}
	for seq := range int64(commit.MaxOperations) {
		for _, kind := range []ledger.AlertKind{ledger.LowBalance, ledger.Depleted, ledger.OverageStarted, ledger.OverageLimit, ledger.PurchaseCompleted} {
			wallet.Alerts = append(wallet.Alerts, ledger.Alert{Seq: 1<<40 + seq, Kind: kind})
		}
	}
	entryItem, err := encodeEntry(&entry)
	if err != nil {
		t.Fatal(err)
	}
	walletItem, err := encodeWallet(&wallet)
	if err != nil {
		t.Fatal(err)
	}
	const transactionLimit = 4 * 1024 * 1024
	if size := itemSize(entryItem); size > itemLimit || size*99+itemSize(walletItem) > transactionLimit {
		t.Errorf("the largest entry has %d bytes, the largest wallet %d", size, itemSize(walletItem))
	}
}

// What the relay reads of an image is what the wallet was written with: every
// alert of the commit, each with its entry.
func TestTheNewsOfAnImageAreThoseOfItsWallet(t *testing.T) {
	for name, alerts := range map[string][]ledger.Alert{
		"none":           nil,
		"one":            {{Seq: 7, Kind: ledger.Depleted}},
		"of many":        {{Seq: 3, Kind: ledger.LowBalance}, {Seq: 4, Kind: ledger.Depleted}, {Seq: 4, Kind: ledger.OverageStarted}, {Seq: 7, Kind: ledger.LowBalance}},
		"not the last's": {{Seq: 5, Kind: ledger.PurchaseCompleted}},
	} {
		wallet := usualWallet()
		wallet.Seq, wallet.Alerts = 7, alerts
		item, err := encodeWallet(&wallet)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]any{"dynamodb": map[string]any{
			"SequenceNumber": "1", "Keys": inStream(map[string]types.AttributeValue{"pk": item["pk"]}), "NewImage": inStream(item),
		}})
		if err != nil {
			t.Fatal(err)
		}
		var record NewsRecord
		if err := json.Unmarshal(text, &record); err != nil {
			t.Fatal(err)
		}
		news := NewsOf([]NewsRecord{record})
		if len(alerts) == 0 {
			if len(news) > 0 {
				t.Errorf("%s: %+v", name, news)
			}
			continue
		}
		want := ledger.News{Account: wallet.Account, Seq: 7, LastAt: wallet.LastAt.UTC(), Alerts: alerts, Record: "1"}
		if len(news) != 1 || !reflect.DeepEqual(news[0], want) {
			t.Errorf("%s: %+v, want %+v", name, news, want)
		}
	}
}

// inStream is an item as a stream record has it.
func inStream(item map[string]types.AttributeValue) map[string]any {
	fields := make(map[string]any, len(item))
	for name, value := range item {
		fields[name] = streamed(value)
	}
	return fields
}

func streamed(value types.AttributeValue) any {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i := range v.Value {
			list[i] = streamed(v.Value[i])
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": inStream(v.Value)}
	}
	return map[string]any{"NULL": true}
}

// itemSize is the size that DynamoDB's documentation gives an item: the names,
// texts as UTF-8, numbers a byte for two digits and one more, a byte for each
// element of a list or map and three for itself.
func itemSize(item map[string]types.AttributeValue) int {
	size := 0
	for name, value := range item {
		size += len(name) + valueSize(value)
	}
	return size
}

func valueSize(value types.AttributeValue) int {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		digits := strings.Trim(strings.TrimLeft(v.Value, "-"), "0")
		return (len(digits)+1)/2 + 1 + strings.Count(v.Value, "-")
	case *types.AttributeValueMemberL:
		size := 3
		for _, element := range v.Value {
			size += 1 + valueSize(element)
		}
		return size
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + itemSize(v.Value)
	}
	return 1 // null or a boolean
}

// What a commit writes: every put of an entry and of a tally is conditional on
// there being none, and the wallet on its seq.
func TestEveryWriteOfACommitIsConditional(t *testing.T) {
	client := New(nil, Names{Wallets: "W", Ledger: "L", Accounts: "A"}, nil)
	before, settings := usualWallet(), usualWallet().Settings
	back := ledger.Entry{Account: "acme", Operation: "back", Seq: 3, Detail: &ledger.Reversal{Of: "op", Total: ledger.Reversed{Count: 1}}}
	configured := ledger.Entry{Account: "acme", Operation: "SYS#settings#4", Seq: 4, Detail: &settings}
	taken := ledger.Entry{Account: "acme", Operation: "SYS#take_back#5", Seq: 5, Detail: &ledger.TakenBack{Recovery: ledger.Recovery{Of: "op", Total: ledger.Reversed{Count: 1}}}}
	renewed := ledger.Entry{Account: "acme", Operation: "SYS#period#sub_1#1", Seq: 6, CreatedAt: createdAt, Detail: &ledger.Renewal{
		Bill: ledger.OverageBill{Billed: 1, Price: money.Money{Minor: 1, Currency: "usd"}},
	}}
	change := commit.Change{Before: &before, After: before, Entries: []ledger.Entry{usualDebit(), usualDebit(), back, configured, taken, renewed}}
	items, err := client.Ledger.transaction(change)
	if err != nil {
		t.Fatal(err)
	}
	conditions := map[string]int{}
	for _, item := range items {
		switch {
		case item.Put != nil:
			conditions[aws.ToString(item.Put.TableName)+" "+aws.ToString(item.Put.ConditionExpression)]++
		case item.Update == nil || aws.ToString(item.Update.TableName) != "A":
			t.Errorf("neither a put nor the profile's update: %+v", item)
		}
	}
	if len(conditions) != 3 || conditions["W n = :n"] != 1 || conditions["L attribute_not_exists(pk)"] != 8 || conditions["A attribute_not_exists(pk)"] != 1 {
		t.Errorf("conditions %v", conditions)
	}
	value, _ := items[0].Put.ExpressionAttributeValues[":n"].(*types.AttributeValueMemberN)
	if value == nil || value.Value != "1234567" {
		t.Errorf("the wallet is compared with %v", value)
	}
	change.Before = nil
	if items, err = client.Ledger.transaction(change); err != nil || aws.ToString(items[0].Put.ConditionExpression) != "attribute_not_exists(pk)" {
		t.Errorf("a new wallet: %+v, %v", items, err)
	}
}

// In the source: whatever is put into Ledger goes through putNew, and nothing
// in it is ever updated or deleted.
func TestNoOtherWayIntoTheLedger(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	ways := map[string]bool{}
	for _, file := range files {
		if name := file.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, declared := range parsed.Decls {
				if function, ok := declared.(*ast.FuncDecl); ok {
					writesOf(function, ways)
				}
			}
		}
	}
	for way := range ways {
		elsewhere := strings.HasSuffix(way, " of Accounts") || strings.HasSuffix(way, " of Usage")
		if !elsewhere && way != "putNew: Put of a parameter" && way != "putWallet: Put of Wallets" {
			t.Errorf("a write that this test does not know: %s", way)
		}
	}
	if !ways["putNew: Put of a parameter"] || !ways["putWallet: Put of Wallets"] {
		t.Errorf("the test finds no writes any more: %v", ways)
	}
}

// writesOf notes the write requests that a function builds, and their tables.
func writesOf(function *ast.FuncDecl, ways map[string]bool) {
	kinds := map[string]bool{
		"Put": true, "Update": true, "Delete": true, "PutRequest": true, "DeleteRequest": true,
		"PutItemInput": true, "UpdateItemInput": true, "DeleteItemInput": true, "BatchWriteItemInput": true,
		"ExecuteStatementInput": true, "BatchExecuteStatementInput": true, "ExecuteTransactionInput": true,
	}
	ast.Inspect(function, func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		kind, ok := literal.Type.(*ast.SelectorExpr)
		if !ok || !kinds[kind.Sel.Name] {
			return true
		}
		table := "no table"
		conditional := false
		for _, element := range literal.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch key, _ := pair.Key.(*ast.Ident); key.Name {
			case "TableName":
				table = tableIn(pair.Value)
			case "ConditionExpression":
				conditional = true
			}
		}
		way := function.Name.Name + ": " + kind.Sel.Name + " of " + table
		if !conditional && table != "Accounts" && table != "Usage" {
			way += " without a condition"
		}
		ways[way] = true
		return true
	})
}

func tableIn(value ast.Expr) string {
	if address, ok := value.(*ast.UnaryExpr); ok {
		switch named := address.X.(type) {
		case *ast.SelectorExpr:
			return named.Sel.Name
		case *ast.Ident:
			return "a parameter"
		}
	}
	return "another table"
}

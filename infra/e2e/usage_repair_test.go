package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"drawdown/shared/httpapi"
)

// The tests of this file damage what is stored, behind the platform's back, and see that it is noticed and mended.

type stored = map[string]types.AttributeValue

func stringValue(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

func numberValue(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// database is a client of the tables themselves.
func database() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(platform.DynamoDBURL()), Credentials: aws.CredentialsProviderFunc(anyCredentials),
	})
}

// itemIn is an item of a table. It fails the test if there is none.
func itemIn(t *testing.T, table string, key stored) stored {
	t.Helper()
	out, err := database().GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String(platform.TableName(table)), Key: key, ConsistentRead: aws.Bool(true),
	})
	if err != nil || out.Item == nil {
		t.Fatalf("%s has no item %v: %v", table, key, err)
	}
	return out.Item
}

// change updates an item of a table.
func change(t *testing.T, table string, key stored, expression string, value types.AttributeValue) {
	t.Helper()
	_, err := database().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(platform.TableName(table)), Key: key, UpdateExpression: &expression,
		ConditionExpression: aws.String("attribute_exists(pk)"), ExpressionAttributeValues: stored{":v": value},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, table string, item stored) {
	t.Helper()
	_, err := database().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(platform.TableName(table)), Item: item})
	if err != nil {
		t.Fatal(err)
	}
}

func entryItem(account, operation string) stored {
	return stored{"pk": stringValue("A#" + account + "#" + operation), "sk": stringValue("E")}
}

func daySheet(account, day string) stored {
	return stored{"pk": stringValue("A#" + account), "sk": stringValue("DAY#" + day)}
}

func agentDaySheet(account, agentID, day string) stored {
	return stored{"pk": stringValue("A#" + account + "#" + agentID), "sk": stringValue("DAY#" + day)}
}

func quarantined(t *testing.T) []string {
	t.Helper()
	text, failure := invokeFunction(t, rollupFunction, body{"quarantined": true})
	var list struct{ Quarantined []string }
	if err := json.Unmarshal([]byte(text), &list); err != nil || failure != "" {
		t.Fatalf("%s: %s", failure, text)
	}
	return list.Quarantined
}

// places are where an audit has found drift.
func (a auditBody) places() []string {
	var all []string
	for _, d := range a.Drift {
		all = append(all, d.Where)
	}
	return all
}

// paced debits an account in its own time until it is stopped, and then tells what usage must hold of it.
type paced struct {
	stop    context.CancelFunc
	running sync.WaitGroup
	all     facts
}

func (p *paced) start(t *testing.T, account, name string) {
	firing, stop := context.WithCancel(t.Context())
	ctx := context.WithoutCancel(firing) // no call is broken off
	p.stop = stop
	p.running.Go(func() {
		for i := 0; firing.Err() == nil; i++ {
			of := use("ai_reply", credits(1+i%5)*credit).with("conversation_id", fmt.Sprint(name, i%4)).with("messages", 2)
			a, _, err := admin(t).insist(ctx, debit(account, fmt.Sprintf("%s-%d", name, i), of))
			var done debited
			if err != nil || json.Unmarshal(a.Body, &done) != nil || done.Seq == 0 {
				t.Errorf("%s: %v", a, err)
				return
			}
			p.all = append(p.all, recorded(done, of))
			time.Sleep(20 * time.Millisecond)
		}
	})
}

func (p *paced) wait() facts {
	p.stop()
	p.running.Wait()
	return p.all
}

// berlin is the zone of an account with the usual settings.
var berlin = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}()

// recorded is what usage must hold of a debit of an account with the usual settings.
func recorded(d debited, of body) fact {
	f := factOf(of, d.OccurredAt.In(berlin).Format(time.DateOnly))
	f.seq = d.Seq
	return f
}

func today() string    { return time.Now().In(berlin).Format(time.DateOnly) }
func tomorrow() string { return time.Now().In(berlin).AddDate(0, 0, 1).Format(time.DateOnly) }

// damaged is an account with an entry that cannot be folded.
type damaged struct {
	account  string
	all      facts
	badSeq   int64
	bad      stored // the entry as it was
	drift    string // what the audit must name, with the entry's seq
	spending paced
}

func TestAnEntryThatCannotBeFoldedStopsItsAccountAlone(t *testing.T) {
	undisturbed(t)
	since := today()
	spending := func(account, key string, quantity credits) fact {
		t.Helper()
		of := use("unit", quantity).with("conversation_id", "c").with("messages", 1)
		return recorded(read[debited](t, admin(t).call(debit(account, key, of)), http.StatusCreated), of)
	}
	healthy := openFunded(t, 100*credit)
	all := []*damaged{
		{account: openFunded(t, 10_000*credit), drift: "usage of entry %d"}, // its day is none
		{account: openFunded(t, 10_000*credit), drift: "ledger entry %d"},   // it cannot even be read
	}
	for _, d := range all {
		d.all = append(d.all, spending(d.account, "good", credit))
	}
	awaitUsage(t, all[0].account, all[1].account)
	faults.Hold()
	for i, d := range all {
		f := spending(d.account, "bad", 2*credit)
		d.all, d.badSeq = append(d.all, f), f.seq
		d.bad = itemIn(t, "Ledger", entryItem(d.account, "bad"))
		expression := []string{"SET db.d = :v", "SET db = :v"}[i]
		change(t, "Ledger", entryItem(d.account, "bad"), expression, stringValue("the day after tomorrow"))
		d.all = append(d.all, spending(d.account, "after", 3*credit))
	}
	healthyFacts := facts{spending(healthy, "good", credit)}
	faults.Release()

	awaitUsage(t, healthy)
	listed := func() bool {
		list := quarantined(t)
		return slices.Contains(list, all[0].account) && slices.Contains(list, all[1].account)
	}
	if !eventually(t, foldLimit, listed) {
		t.Fatalf("%v are quarantined, want those with a bad entry", quarantined(t))
	}
	equal(t, "quarantined accounts", len(quarantined(t)), len(all))
	for _, d := range all {
		d.spending.start(t, d.account, "meanwhile")
	}
	healthyFacts = append(healthyFacts, spending(healthy, "meanwhile", credit)) // the stream goes on for it
	awaitUsage(t, healthy)
	checkUsage(t, healthy, healthyFacts, since, tomorrow())
	checkAudit(t, healthy)
	for _, d := range all {
		equal(t, "usage holds", asOfSeq(t, d.account), d.badSeq-1)
		checkUsage(t, d.account, d.all[:1], since, tomorrow())
		proof := auditOf(t, d.account)
		equal(t, "the audit is clean", proof.Clean, false)
		equal(t, "usage is quarantined", proof.Usage.Quarantined, true)
		if places := proof.places(); !slices.Contains(places, fmt.Sprintf(d.drift, d.badSeq)) {
			t.Errorf("the audit names %q, want "+d.drift, places, d.badSeq)
		}
	}

	for i, d := range all {
		// Without a repair nothing is gained.
		var done struct{ Quarantined bool }
		text, failure := invokeFunction(t, rollupFunction, body{"rebuild": d.account})
		if err := json.Unmarshal([]byte(text), &done); err != nil || failure != "" || !done.Quarantined {
			t.Errorf("a rebuild over the bad entry is answered %s %s", failure, text)
		}
		put(t, "Ledger", d.bad)
		text, failure = invokeFunction(t, rollupFunction, body{"rebuild": d.account})
		if err := json.Unmarshal([]byte(text), &done); err != nil || failure != "" || done.Quarantined {
			t.Errorf("after the repair the rebuild is answered %s %s", failure, text)
		}
		equal(t, "accounts left in quarantine", len(quarantined(t)), len(all)-1-i)
	}
	for _, d := range all {
		d.all = append(d.all, d.spending.wait()...)
		awaitUsage(t, d.account)
		checkUsage(t, d.account, d.all, since, tomorrow(), "agent-1")
		checkAudit(t, d.account)
	}
}

func TestAuditsTellOfDrift(t *testing.T) {
	undisturbed(t)
	since := today()
	sheet, missing, spent, clean := openFunded(t, 10*credit), openFunded(t, 10*credit), openAccount(t, settings()), openFunded(t, 10*credit)
	grantID := addGrant(t, spent, body{"amount": "10", "source": "promo"}).ID
	accounts := []string{sheet, missing, spent, clean}
	day := ""
	for _, account := range accounts {
		day = spend(t, account, credit).OccurredAt.In(berlin).Format(time.DateOnly)
	}
	awaitUsage(t, accounts...)
	for _, account := range accounts {
		checkAudit(t, account)
	}
	change(t, "Usage", daySheet(sheet, day), "ADD c :v", numberValue(1))
	change(t, "Usage", daySheet(sheet, day), "ADD m :v", numberValue(7))
	change(t, "Wallets", stored{"pk": stringValue("A#" + spent + "#00")}, "SET g[0].r = g[0].r - :v", numberValue(2))
	_, err := database().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(platform.TableName("Usage")), Key: agentDaySheet(missing, "agent-1", day),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]drift{
		sheet: {
			{"usage account_day " + day + " credits", "1", "1.000001"},
			{"usage account_day " + day + " messages", "0", "7"},
		},
		missing: {{"usage agent_day agent-1 " + day + ".upto", "3", "0"}},
		spent:   nil, // the texts of a grant are compared below
		clean:   nil,
	}
	for _, account := range accounts[:2] {
		proof := auditOf(t, account)
		equal(t, "the audit is clean", proof.Clean, false)
		equal(t, "the drift", asJSON(t, proof.Drift), asJSON(t, want[account]))
	}
	proof := auditOf(t, spent)
	if len(proof.Drift) != 1 || proof.Drift[0].Where != "wallet grant "+grantID ||
		!strings.HasPrefix(proof.Drift[0].Ledger, "9 of 10 ") || !strings.HasPrefix(proof.Drift[0].Stored, "8.999998 of 10 ") {
		t.Errorf("the drift of a wallet is told as %+v", proof)
	}
	want[spent] = proof.Drift
	checkAudit(t, clean)

	// The nightly audit logs all of it, and counts it in its metric.
	before := map[string]int{}
	agreed := func() bool {
		_, all := drifts.of("")
		return metrics.sum(httpapi.FunctionAudit, "Drift") == float64(all)
	}
	if !eventually(t, foldLimit, agreed) {
		t.Fatal("the metric of drift is not the number of places that were logged")
	}
	for _, account := range accounts {
		lines, _ := drifts.of(account)
		before[account] = len(lines)
	}
	drifted, audited := metrics.sum(httpapi.FunctionAudit, "Drift"), metrics.sum(httpapi.FunctionAudit, "Audited")
	if err := platform.Fire("NightlyAudit"); err != nil {
		t.Fatal(err)
	}
	if !eventually(t, foldLimit, func() bool { return metrics.sum(httpapi.FunctionAudit, "Audited") > audited }) {
		t.Fatal("the nightly audit does not come to its end")
	}
	for _, account := range accounts {
		lines, _ := drifts.of(account)
		var told []drift
		for _, line := range lines[before[account]:] {
			told = append(told, drift{line.Where, line.Ledger, line.Stored})
		}
		equal(t, "the drift that the nightly audit logs", asJSON(t, told), asJSON(t, want[account]))
	}
	equal(t, "the metric of drift", metrics.sum(httpapi.FunctionAudit, "Drift")-drifted, 4)
	equal(t, "logged as much as counted", agreed(), true)
	if n := metrics.sum(httpapi.FunctionAudit, "Audited") - audited; n < float64(len(accounts)) {
		t.Errorf("the nightly audit has audited %.0f accounts", n)
	}

	// What a rebuild can mend it mends.
	change(t, "Wallets", stored{"pk": stringValue("A#" + spent + "#00")}, "SET g[0].r = g[0].r + :v", numberValue(2))
	for _, account := range accounts[:2] {
		if text, failure := invokeFunction(t, rollupFunction, body{"rebuild": account}); failure != "" {
			t.Errorf("the rebuild failed: %s: %s", failure, text)
		}
	}
	for _, account := range accounts {
		checkAudit(t, account)
		equal(t, "the credits in usage", usageOf(t, account, since, tomorrow(), "agent", "").Total.Credits, credit)
	}
}

// objects is a client of the buckets themselves.
func objects() *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(platform.S3URL()), UsePathStyle: true, Credentials: aws.CredentialsProviderFunc(anyCredentials),
	})
}

// failedBatches are the keys of the objects in the bucket of failures whose batch has a record of an account's wallet.
func failedBatches(t *testing.T, account string) []string {
	t.Helper()
	client := objects()
	bucket := aws.String(platform.BucketName("Failures"))
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, object := range list.Contents {
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: object.Key})
		if err != nil {
			continue // a sweep has removed it
		}
		text, err := io.ReadAll(out.Body)
		_ = out.Body.Close() // it has been read
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "A#"+account+"#00") {
			keys = append(keys, *object.Key)
		}
	}
	return keys
}

// This takes as long as the stream mapping tries again, mostly by waiting. It holds up what shares the stream's lane.
func TestABatchThatIsGivenUpIsSweptUpLater(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 100*credit)
	first := use("unit", credit)
	all := facts{recorded(read[debited](t, admin(t).call(debit(account, "a", first)), http.StatusCreated), first)}
	awaitUsage(t, account)
	since := all[0].day
	// A sheet that no update fits: the roll-up of this account fails again and again, and reports just its records.
	sheet := itemIn(t, "Usage", agentDaySheet(account, "agent-1", since))
	change(t, "Usage", agentDaySheet(account, "agent-1", since), "SET u = :v", stringValue("unreadable"))
	second := use("unit", 2*credit).with("occurred_at", time.Now().Add(-time.Second).UTC())
	if time.Now().Add(-time.Second).In(berlin).Format(time.DateOnly) != since {
		second = second.with("occurred_at", day(since).Add(12*time.Hour)) // midnight has passed meanwhile
	}
	all = append(all, recorded(read[debited](t, admin(t).call(debit(account, "b", second)), http.StatusCreated), second))
	if !eventually(t, foldLimit, func() bool { return len(failedBatches(t, account)) > 0 }) {
		t.Fatalf("after %v no batch with the account is in the bucket of failures", foldLimit)
	}
	equal(t, "usage holds", asOfSeq(t, account), all[1].seq-1)
	// A sweep that cannot help leaves it there.
	if text, failure := invokeFunction(t, rollupFunction, body{"sweep": true}); failure == "" {
		t.Errorf("a sweep is well though the account still fails: %s", text)
	}
	equal(t, "failed batches", len(failedBatches(t, account)), 1)
	put(t, "Usage", sheet)
	if err := platform.Fire("SweepFailures"); err != nil {
		t.Fatal(err)
	}
	awaitUsage(t, account)
	if !eventually(t, foldLimit, func() bool { return len(failedBatches(t, account)) == 0 }) {
		t.Error("the batch is still there")
	}
	checkUsage(t, account, all, since, tomorrow())
	checkAudit(t, account)
}

// What the stream has given up on for the relay lies in a bucket of its own, as Lambda writes it: the batch as a string.
func TestNewsThatWereGivenUpAreSweptUp(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	emptied := read[debited](t, admin(t).call(debit(account, "all", use("unit", credit))), http.StatusCreated)
	said := func() int {
		count := 0
		for _, event := range platform.Events() {
			if strings.Contains(string(event.Detail), fmt.Sprintf("%s#%d#balance.depleted", account, emptied.Seq)) {
				count++
			}
		}
		return count
	}
	if !eventually(t, foldLimit, func() bool { return said() > 0 }) {
		t.Fatal("the stream's own news have not been said")
	}
	before := said()
	batch := asJSON(t, body{"Records": []body{{
		"eventID": "given-up", "eventName": "MODIFY",
		"dynamodb": body{"Keys": body{"pk": body{"S": "A#" + account + "#00"}}, "SequenceNumber": "1", "NewImage": body{
			"pk": body{"S": "A#" + account + "#00"}, "n": body{"N": fmt.Sprint(emptied.Seq)}, "la": body{"N": "1"},
			"al": body{"L": []body{{"M": body{"n": body{"N": fmt.Sprint(emptied.Seq)}, "k": body{"S": "depleted"}}}}},
		}},
	}}})
	bucket, key := platform.BucketName("RelayFailures"), "given-up/"+account
	if _, err := objects().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: strings.NewReader(asJSON(t, body{"payload": batch})),
	}); err != nil {
		t.Fatal(err)
	}
	if err := platform.Fire("SweepRelayFailures"); err != nil {
		t.Fatal(err)
	}
	if !eventually(t, foldLimit, func() bool {
		_, err := objects().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		return err != nil && said() > before
	}) {
		t.Errorf("said %d times before the sweep and %d after it, and the batch should be gone", before, said())
	}
}

package e2e

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"drawdown/shared/httpapi"
)

// worked is an account whose agents have worked for some weeks, by a random but
// printed seed.
func worked(t *testing.T, agents, debits int) string {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	account := openAccount(t, settings().with("name", "Acme & Söhne").with("low_balance_threshold", "5"))
	addGrant(t, account, body{"amount": "100000.25", "source": "promo", "reason": "Welcome"})
	addGrant(t, account, body{"amount": "5000", "source": "adjustment", "priority": 200, "expires_at": time.Now().AddDate(0, 0, 12).UTC().Format(time.RFC3339)})
	nodes := []string{"ai_reply", "unit", "third", "token"}
	var items []body
	for i := range debits {
		agent := fmt.Sprintf("agent-%03d", i%agents)
		of := use(nodes[chance.IntN(len(nodes))], credits(chance.Int64N(4_000_000)+1)).
			with("agent", body{"id": agent, "name": "Agent " + agent[len("agent-"):]}).
			with("channel", channels[chance.IntN(len(channels)-1)].id).
			with("conversation_id", fmt.Sprint("c", chance.IntN(debits/2+1))).
			with("messages", chance.IntN(4)).
			with("occurred_at", time.Now().Add(-time.Duration(chance.IntN(70*24))*time.Hour).UTC())
		items = append(items, item(account, fmt.Sprint("d-", i), of))
	}
	for part := range slices.Chunk(items, 100) {
		for _, one := range outcomes(t, read[results](t, admin(t).call(batch(part...)), http.StatusOK)) {
			one.debited(t)
		}
	}
	awaitUsage(t, account)
	return account
}

// shownRow is a row of a table on the page: its exact credits, and its counts by column.
type shownRow struct {
	Key     string            `json:"key"`
	Credits map[string]string `json:"credits"`
	Counts  map[string]string `json:"counts"`
	Text    string            `json:"text"`
}

// rows are the rows of a table as they are shown.
func (p *tab) rows(table string) []shownRow {
	p.Helper()
	return eval[[]shownRow](p, fmt.Sprintf(`[...document.querySelectorAll('[data-test="%s-table"] tbody tr[data-key]')].map(row => {
		const exact = attribute => Object.fromEntries([...row.querySelectorAll('[data-column]')]
			.map(cell => [cell.dataset.column, cell.querySelector('[' + attribute + ']')?.getAttribute(attribute)]).filter(([, v]) => v != null));
		return {key: row.dataset.key, credits: exact('data-credits'), counts: exact('data-count'), text: row.innerText};
	})`, table))
}

// exact is the exact number of an element.
func (p *tab) exact(selector string) string {
	p.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector(%q).dataset.credits`, selector))
}

// range of days that the page shows.
func (p *tab) shownRange() (from, to string) {
	p.Helper()
	ends := eval[[]string](p, `(e => [e.dataset.from, e.dataset.to])(document.querySelector('[data-test="usage"]'))`)
	return ends[0], ends[1]
}

func (p *tab) awaitRange(from, to string) {
	p.Helper()
	p.await("the days from "+from+" to "+to, fmt.Sprintf(
		`(e => e && e.dataset.from === %q && e.dataset.to === %q)(document.querySelector('[data-test="usage"]:not(.busy)'))`, from, to))
}

// equalsAPI holds every number of the page against the API's.
func (p *tab) equalsAPI(account string) {
	p.Helper()
	t := p.T
	from, to := p.shownRange()
	for p.step(`document.querySelector('[data-test="agents-more"]')`) {
		continue
	}
	p.await("prices", `document.querySelector('[data-test="breakdown-table"] [data-column="price"] [data-credits]') || !document.querySelector('[data-test="breakdown-table"] tbody tr')`)
	now := walletOf(t, account)
	equal(t, "available", p.exact(`[data-test="available"]`), now.Available.String())
	total := usageOf(t, account, from, to, "day", "").Total
	equal(t, "the total", p.exact(`[data-test="total"]`), total.Credits.String())

	shownChannels := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll('[data-test="channel"]')].map(e =>
		[e.dataset.key, (e.dataset.credits ?? e.querySelector('[data-credits]')?.dataset.credits)]))`)
	wantChannels := map[string]string{}
	for _, group := range usageOf(t, account, from, to, "channel", "").Groups {
		wantChannels[group.Key] = group.Credits.String()
	}
	equal(t, "the channels", asJSON(t, shownChannels), asJSON(t, wantChannels))

	agents := usageOf(t, account, from, to, "agent", "").Groups
	rows := p.rows("agents")
	equal(t, "the number of agents", len(rows), len(agents))
	byKey := map[string]shownRow{}
	for _, row := range rows {
		byKey[row.Key] = row
	}
	for _, group := range agents {
		row := byKey[group.Key]
		equal(t, "agent "+group.Key, fmt.Sprintln(row.Credits["credits"], row.Counts["conversations"], row.Counts["messages"]),
			fmt.Sprintln(group.Credits, *group.Conversations, *group.Messages))
		if !strings.Contains(row.Text, group.Label) {
			t.Errorf("agent %s is called %q", group.Label, row.Text)
		}
	}

	byKey = map[string]shownRow{}
	for _, row := range p.rows("breakdown") {
		byKey[row.Key] = row
	}
	nodes := usageOf(t, account, from, to, "node", "").Groups
	equal(t, "the number of nodes", len(byKey), len(nodes))
	for _, group := range nodes {
		row := byKey[group.Key]
		equal(t, "node "+group.Key, fmt.Sprintln(row.Credits["credits"], row.Counts["count"], row.Credits["price"]),
			fmt.Sprintln(group.Credits, *group.Quantity, rateText(group.Key, "credits_per_unit")))
	}

	days := usageOf(t, account, from, to, "day", "").Groups
	shown := map[string]string{}
	for p.step(`document.querySelector('[data-test="days-more"]')`) {
		continue
	}
	for _, row := range p.rows("days") {
		shown[row.Key] = fmt.Sprintln(row.Credits["credits"], row.Counts["messages"], row.Counts["conversations"])
	}
	want := map[string]string{}
	for _, group := range days {
		want[group.Key] = fmt.Sprintln(group.Credits, *group.Messages, *group.Conversations)
	}
	equal(t, "the days", asJSON(t, shown), asJSON(t, want))
}

// step clicks an element if it is there, and says whether it was.
func (p *tab) step(element string) bool {
	p.Helper()
	return eval[bool](p, "(e => { e?.click(); return !!e; })("+element+")")
}

func (p *tab) click(selector string) {
	p.Helper()
	p.await(selector, fmt.Sprintf("document.querySelector(%q)", selector))
	p.step(fmt.Sprintf("document.querySelector(%q)", selector))
}

// fill types into a field as far as the page can tell.
func (p *tab) fill(selector, text string) {
	p.Helper()
	p.await(selector, fmt.Sprintf("document.querySelector(%q)", selector))
	p.do(chromedp.Evaluate(fmt.Sprintf(`(e => { e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})); })(document.querySelector(%q)); null`, text, selector), nil))
}

func TestThePageShowsTheAPIsNumbers(t *testing.T) {
	t.Parallel()
	account := worked(t, 40, 300)
	p := openTab(t, desktop, false)
	p.openUsage(account)
	p.await("usage", `document.querySelector('[data-test="usage"]')`)
	equal(t, "the account", eval[string](p, `document.querySelector('[data-test="account"]').innerText`), "Acme & Söhne")
	equal(t, "what is left of the token in the address", eval[string](p, "location.hash"), "")
	from, to := p.shownRange()
	usual := usageOf(t, account, "", "", "day", "")
	equal(t, "the range", from+" "+to, usual.From+" "+usual.To)
	p.equalsAPI(account)
	p.shoot("desktop-light")

	entries := pages[entry](t, admin(t), request{route: httpapi.ListEntries, path: []string{account}, query: url.Values{"type": {"grant,reversal,expiry"}}}, 50)
	p.await("the history", `document.querySelector('[data-test="history-table"] tbody tr')`)
	shown := eval[[]string](p, `[...document.querySelectorAll('[data-test="history-table"] tbody tr')].map(row => row.dataset.key)`)
	equal(t, "the history", len(shown), len(entries))
	expires := time.Now().In(berlin).AddDate(0, 0, 12).Format("Jan 2, 2006")
	if said := eval[string](p, `[...document.querySelectorAll('[data-test="expiring"]')].map(e => e.innerText).join()`); !strings.Contains(said, "5,000 credits expire on "+expires) {
		t.Errorf("what expires on %s is not said: %q", expires, said)
	}
	for i, e := range slices.Backward(entries) {
		row := eval[[]string](p, fmt.Sprintf(`[...document.querySelector('[data-test="history-table"] tr[data-key="%d"]').querySelectorAll('[data-credits]')].map(e => e.dataset.credits)`, e.Seq))
		equal(t, fmt.Sprintf("line %d of the history", i), fmt.Sprint(row), fmt.Sprint([]credits{e.Credits, e.After.Available}))
	}

	// Every range says its own numbers, and stays after a reload.
	for _, choice := range []struct {
		name string
		days int
	}{{"7d", 7}, {"90d", 90}} {
		p.click(fmt.Sprintf(`input[name="range"][value=%q]`, choice.name))
		p.awaitRange(addDays(to, 1-choice.days), to)
		p.equalsAPI(account)
	}
	today := day(to)
	thisMonth := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	for name, ends := range map[string][2]time.Time{
		"month": {thisMonth, today}, "last-month": {thisMonth.AddDate(0, -1, 0), thisMonth.AddDate(0, 0, -1)},
	} {
		p.click(fmt.Sprintf(`input[name="range"][value=%q]`, name))
		p.awaitRange(ends[0].Format(time.DateOnly), ends[1].Format(time.DateOnly))
		p.equalsAPI(account)
	}
	first, last := addDays(to, -20), addDays(to, -3)
	p.click(`input[name="range"][value="custom"]`)
	p.fill(`[data-test="range-from"]`, first)
	p.fill(`[data-test="range-to"]`, last)
	p.click(`[data-test="range-apply"]`)
	p.awaitRange(first, last)
	p.equalsAPI(account)
	p.do(chromedp.Reload())
	p.awaitRange(first, last)
	p.equalsAPI(account)
	p.fill(`[data-test="range-from"]`, addDays(last, 1))
	p.click(`[data-test="range-apply"]`)
	p.await("what is wrong with the range", `document.querySelector('.custom [role="alert"]').innerText`)
	equal(t, "the range after a wrong one", fmt.Sprintln(p.shownRange()), fmt.Sprintln(first, last))
}

func addDays(text string, days int) string {
	return day(text).AddDate(0, 0, days).Format(time.DateOnly)
}

func TestAgentsAreSortedSoughtAndOpened(t *testing.T) {
	t.Parallel()
	account := worked(t, 30, 200)
	p := openTab(t, desktop, false)
	p.openUsage(account)
	p.await("agents", `document.querySelector('[data-test="agents-table"]')`)
	from, to := p.shownRange()
	agents := usageOf(t, account, from, to, "agent", "").Groups

	for p.step(`document.querySelector('[data-test="agents-more"]')`) {
		continue
	}
	for i, column := range []string{"Agent", "Conversations", "Messages", "Credits"} {
		for _, again := range []bool{false, true} {
			heading := fmt.Sprintf(`document.querySelectorAll('[data-test="agents-table"] thead th')[%d]`, i)
			p.step(heading + ".querySelector('button')")
			order := eval[string](p, heading+".ariaSort")
			for p.step(`document.querySelector('[data-test="agents-more"]')`) {
				continue
			}
			rows := p.rows("agents")
			less := func(a, b shownRow) int {
				switch column {
				case "Agent":
					return strings.Compare(a.Key, b.Key) // names and keys have the same order
				case "Credits":
					return int(amount(a.Credits["credits"]) - amount(b.Credits["credits"]))
				}
				key := strings.ToLower(column)
				return int(amount(a.Counts[key]) - amount(b.Counts[key]))
			}
			if order == "descending" {
				slices.Reverse(rows)
			}
			if (order != "ascending" && order != "descending") || len(rows) != len(agents) || !slices.IsSortedFunc(rows, less) {
				t.Errorf("by %s, %s, again %t: %d rows, out of order", column, order, again, len(rows))
			}
		}
	}

	sought := agents[len(agents)/2]
	p.fill(`[data-test="agents-search"]`, strings.ToUpper(sought.Label))
	p.await("the one that is sought", `document.querySelectorAll('[data-test="agents-table"] tbody tr').length === 1`)
	equal(t, "what is found", p.rows("agents")[0].Key, sought.Key)
	p.fill(`[data-test="agents-search"]`, "")

	top := agents[0]
	if said := eval[string](p, `document.querySelector('[data-test="top-agent"]').dataset.key`); said != top.Key {
		t.Errorf("the top spender is %s, the page says %s", top.Key, said)
	}
	p.fill(`[data-test="agents-search"]`, top.Label)
	p.click(fmt.Sprintf(`[data-test="agents-table"] tr[data-key=%q] button.opener`, top.Key))
	p.await("the agent's own usage", fmt.Sprintf(`document.querySelector('[data-test="agent-detail"][data-key=%q]')`, top.Key))
	shown := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll('[data-test="agent-node"]')].map(e =>
		[e.dataset.key, e.querySelector('[data-credits]').dataset.credits]))`)
	want := map[string]string{}
	for _, group := range usageOf(t, account, from, to, "node", top.Key).Groups {
		want[group.Key] = group.Credits.String()
	}
	equal(t, "the nodes of "+top.Key, asJSON(t, shown), asJSON(t, want))
	p.shoot("desktop-opened")
}

func TestEachTableIsSavedAsItIsShown(t *testing.T) {
	t.Parallel()
	account := worked(t, 30, 100)
	evil := use("unit", credit).with("agent", body{"id": "evil", "name": `=HYPERLINK("x","y")`})
	read[debited](t, admin(t).call(debit(account, "evil", evil)), http.StatusCreated)
	awaitUsage(t, account)
	p := openTab(t, desktop, false)
	p.openUsage(account)
	p.await("usage", `document.querySelector('[data-test="usage"]')`)
	p.do(chromedp.Evaluate(`{ const make = URL.createObjectURL; window.saved = [];
		URL.createObjectURL = blob => { blob.text().then(text => saved.push(text)); return make.call(URL, blob); }; } null`, nil))
	from, to := p.shownRange()
	saved := map[string][][]string{}
	for i, section := range []string{"trend", "channels", "agents", "breakdown", "history"} {
		p.click(fmt.Sprintf(`[data-test=%q] [data-test="csv"]`, section))
		p.await("a file", fmt.Sprintf("saved.length === %d", i+1))
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(eval[string](p, fmt.Sprintf("saved[%d]", i)), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", section, err)
		}
		saved[section] = rows
	}
	column := func(section, name string) map[string]string {
		at := slices.Index(saved[section][0], name)
		if at < 0 {
			t.Fatalf("%s has the columns %v", section, saved[section][0])
		}
		cells := map[string]string{}
		for _, row := range saved[section][1:] {
			cells[row[0]] = row[at]
		}
		return cells
	}
	for section, grouping := range map[string]string{"trend": "day", "channels": "channel", "agents": "agent", "breakdown": "node"} {
		want := map[string]string{}
		for _, group := range usageOf(t, account, from, to, grouping, "").Groups {
			want[group.Key] = group.Credits.String()
		}
		equal(t, "the credits of "+section, asJSON(t, column(section, "credits")), asJSON(t, want))
	}
	equal(t, "a name that is a formula", column("agents", "name")["evil"], `'=HYPERLINK("x","y")`)
	equal(t, "the lines of the history", len(saved["history"]), 1+2)
}

func TestThePageFollowsDebitsWithoutFlicker(t *testing.T) {
	t.Parallel()
	account := worked(t, 12, 60)
	p := openTab(t, desktop, false)
	p.openUsage(account)
	p.await("usage", `document.querySelector('[data-test="usage"]')`)
	p.click(`[data-test="grants"] summary`)
	p.do(chromedp.Evaluate(`window.here = document.querySelector('[data-test="usage"]'); window.gone = 0;
		new MutationObserver(() => { if (!here.isConnected || document.querySelector('.skeleton')) gone++; }).observe(document.body, {childList: true, subtree: true});
		scrollTo(0, 400); null`, nil))
	before := p.exact(`[data-test="total"]`)
	spend(t, account, amount("12.345678"))
	now := walletOf(t, account)
	p.await("the new balance", fmt.Sprintf(`document.querySelector('[data-test="available"]').dataset.credits === %q`, now.Available.String()))
	p.await("the new total", fmt.Sprintf(`document.querySelector('[data-test="total"]').dataset.credits === %q`, (amount(before)+amount("12.345678")).String()))
	p.equalsAPI(account)
	equal(t, "how often the page was torn down", eval[int](p, "gone"), 0)
	equal(t, "what was opened is open", eval[bool](p, `document.querySelector('[data-test="grants"]').open`), true)
	equal(t, "where the reader was", eval[int](p, "Math.round(scrollY)"), 400)
}

// made is a token with those claims and a signature of nobody's.
func made(t *testing.T, claims body) string {
	t.Helper()
	encode := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return encode(body{"alg": "HS256", "typ": "JWT"}) + "." + encode(claims) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 32))
}

func TestASessionThatIsOverSaysWhatToDo(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	claims := body{"sub": account, "name": "Acme", "zoneinfo": "UTC", "return_url": "https://app.example.com/account"}
	for name, fragment := range map[string]string{
		"none":    "",
		"garbage": "#not-a-token",
		"expired": "#" + made(t, claims.with("exp", time.Now().Add(-time.Minute).Unix())),
		"foreign": "#" + made(t, claims.with("exp", time.Now().Add(time.Hour).Unix())),
	} {
		t.Run(name, func(t *testing.T) {
			p := openTab(t, desktop, false)
			p.do(chromedp.Navigate(platform.URL() + "/usage" + fragment))
			p.await("the end of the session", `document.querySelector('[data-test="ended"]')`)
			text := eval[string](p, "document.body.innerText")
			if !strings.Contains(text, "Open Usage again") || strings.Contains(text, account) {
				t.Errorf("the page says %q", text)
			}
			// Anybody can make a link with such a token: it leads nowhere.
			if eval[bool](p, `!!document.querySelector('[data-test="return"]')`) {
				t.Error("a token that the platform has not made shows a way back")
			}
			p.accessible("the end of a session, " + name)
		})
	}
}

// A session that ends while its page is open says so, and leads back to where it came from.
func TestASessionEndsWhileItsPageIsOpen(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	const back = "https://app.example.com/account?tab=usage"
	opened := openSession(t, account, body{"ttl_seconds": 60, "return_url": back})
	p := openTab(t, phone, false)
	p.do(chromedp.Navigate(opened.URL))
	p.await("the balance", `document.querySelector('[data-test="available"]')`)
	ends, err := time.Parse(time.RFC3339, opened.ExpiresAt)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(ends)) // a session lasts a minute at least
	p.await("the end of the session", `document.querySelector('[data-test="ended"]')`)
	equal(t, "the way back", eval[string](p, `document.querySelector('[data-test="return"]')?.href ?? ''`), back)
	if strings.Contains(eval[string](p, "document.body.innerText"), "Available") {
		t.Error("the balance is still shown")
	}
	p.do(chromedp.Reload())
	p.await("the end of the session, again", `document.querySelector('[data-test="ended"]')`)
}

func TestAnAccountWithNothingYetIsToldWhatWillBeThere(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings())
	for _, window := range []size{desktop, phone} {
		p := openTab(t, window, window == phone)
		p.openUsage(account)
		p.await("the empty state", `document.querySelector('[data-test="empty"]')`)
		equal(t, "available", p.exact(`[data-test="available"]`), "0")
		p.accessible("an empty account")
		p.shoot(fmt.Sprintf("empty-%d", window.width))
	}
}

func TestFiveHundredAgentsAreAFewRowsAtATime(t *testing.T) {
	t.Parallel()
	account := worked(t, 500, 600)
	p := openTab(t, desktop, false)
	p.openUsage(account)
	p.await("agents", `document.querySelector('[data-test="agents-table"]')`)
	p.click(`input[name="range"][value="90d"]`)
	p.await("all agents", `document.querySelector('[data-test="agents"]').innerText.includes('of 500')`)
	// What a browser must lay out is bounded, whatever there is.
	if n := eval[int](p, `document.querySelectorAll('[data-test="agents-table"] tbody tr').length`); n > 30 {
		t.Errorf("%d rows are shown at once", n)
	}
	if n := eval[int](p, `document.querySelectorAll('*').length`); n > 4000 {
		t.Errorf("the page has %d elements", n)
	}
	p.fill(`[data-test="agents-search"]`, "agent 499")
	p.await("one of them", `document.querySelectorAll('[data-test="agents-table"] tbody tr').length === 1`)
	p.fill(`[data-test="agents-search"]`, "")
	p.equalsAPI(account)
}

// The page is usable at any size, by colour scheme, by keyboard and by screen reader.
func TestThePageIsForEverybody(t *testing.T) {
	t.Parallel()
	account := worked(t, 12, 120)
	for _, c := range []struct {
		name   string
		window size
		dark   bool
	}{{"light", desktop, false}, {"dark", desktop, true}, {"phone light", phone, false}, {"phone dark", phone, true}} {
		t.Run(c.name, func(t *testing.T) {
			p := openTab(t, c.window, c.dark)
			p.openUsage(account)
			p.await("usage", `document.querySelector('[data-test="usage"]')`)
			p.step(`document.querySelector('[data-test="agents-table"] button.opener')`)
			p.await("an agent's detail", `document.querySelector('[data-test="agent-detail"]')`)
			if wide := eval[int](p, "document.documentElement.scrollWidth"); wide > int(c.window.width) {
				t.Errorf("the page is %d wide in a window of %d", wide, c.window.width)
			}
			p.accessible(c.name)
			p.shoot("page-" + strings.ReplaceAll(c.name, " ", "-"))
		})
	}
}

// What comes over the wire: one host, a strict policy, small and compressed, and
// the token in no request's address.
func TestThePageIsSmallAndStrict(t *testing.T) {
	t.Parallel()
	account := worked(t, 3, 10)
	p := openTab(t, desktop, false)
	opened := openSession(t, account, body{})
	p.do(chromedp.Navigate(opened.URL))
	p.await("usage", `document.querySelector('[data-test="usage"]')`)
	var assets []string
	for _, sent := range p.sent() {
		_, address, _ := strings.Cut(sent, " ")
		if bare, _, _ := strings.Cut(address, "#"); strings.Contains(bare, opened.Token) {
			t.Errorf("the token is sent in an address: %s", address)
		}
		if strings.Contains(address, "/usage/") {
			assets = append(assets, address)
		}
	}
	transferred := 0
	for _, address := range append(assets, platform.URL()+"/usage") {
		sent, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		sent.Header.Set("Accept-Encoding", "gzip")
		response, err := http.DefaultTransport.RoundTrip(sent) //nolint:bodyclose // readAll closes it
		if err != nil {
			t.Fatal(err)
		}
		text := readAll(t, response)
		transferred += len(text)
		equal(t, "the encoding of "+address, response.Header.Get("Content-Encoding"), "gzip")
		equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"), "nosniff")
		if strings.HasSuffix(address, "/usage") {
			policy := response.Header.Get("Content-Security-Policy")
			for _, rule := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
				if !strings.Contains(policy, rule) {
					t.Errorf("the policy %q lacks %s", policy, rule)
				}
			}
			if strings.Contains(policy, "unsafe") {
				t.Errorf("the policy is %q", policy)
			}
		} else if !strings.Contains(response.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s is kept %q", address, response.Header.Get("Cache-Control"))
		}
	}
	if len(assets) < 2 || transferred > 150<<10 {
		t.Errorf("the first load is %d bytes in %d assets", transferred, len(assets))
	}
	t.Logf("the first load is %d bytes in %d assets", transferred, len(assets))
	for _, c := range []struct {
		route httpapi.Route
		path  []string
	}{{httpapi.GetPage, nil}, {httpapi.GetPageAsset, []string{assets[0][strings.LastIndex(assets[0], "/")+1:]}}} {
		if a := (client{t: t}).call(request{route: c.route, path: c.path}); a.Status != http.StatusOK {
			t.Errorf("without a key: %s", a)
		}
	}
}

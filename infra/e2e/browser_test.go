package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"drawdown/shared/httpapi"
)

const (
	chromiumVariable = "CHROMIUM"
	axeVariable      = "DRAWDOWN_AXE"
	// shown bounds the wait for something to be on the page.
	shown = 30 * time.Second
)

// browser is started once, by the first test that needs it, and ended with the tests.
var browser struct {
	sync.Once
	ctx  context.Context
	stop func()
	err  error
}

func startBrowser() {
	path := os.Getenv(chromiumVariable)
	if path == "" {
		browser.err = fmt.Errorf("%s is not set: run these tests with make test, which finds or installs Chromium", chromiumVariable)
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("lang", "en-US"),
	)
	allocated, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(allocated)
	browser.stop = func() { stopBrowser(); stopAllocator() }
	browser.ctx, browser.err = ctx, chromedp.Run(ctx)
}

// stopBrowser ends the browser, if there is one.
func stopBrowser() {
	if browser.stop != nil {
		browser.stop()
	}
}

// tab is one tab of the browser; what a page keeps, it keeps by the tab. What it logs as an
// error, and every request to another host, fails the test.
type tab struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string
}

// size is a window, in CSS pixels.
type size struct{ width, height int64 }

var (
	desktop = size{1280, 900}
	phone   = size{360, 780}
)

func openTab(t *testing.T, window size, dark bool) *tab {
	t.Helper()
	browser.Do(startBrowser)
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx)
	t.Cleanup(cancel)
	opened := &tab{T: t, ctx: ctx}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	chromedp.ListenTarget(ctx, opened.listen)
	// The first run makes the tab, which lives as long as the context of that run.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	opened.do(
		network.Enable(), cdpruntime.Enable(), cdplog.Enable(),
		// Each tab counts as the one in front: a page that is hidden rests, and tests run side by side.
		emulation.SetFocusEmulationEnabled(true),
		emulation.SetDeviceMetricsOverride(window.width, window.height, 1, window == phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	)
	return opened
}

func (p *tab) listen(event any) {
	switch e := event.(type) {
	case *cdpruntime.EventExceptionThrown:
		p.Errorf("the page throws: %s", e.ExceptionDetails.Error())
	case *cdpruntime.EventConsoleAPICalled:
		if e.Type == cdpruntime.APITypeError {
			p.Errorf("the page logs an error: %v", e.Args)
		}
	case *cdplog.EventEntryAdded:
		// Whatever the policy forbids and whatever is not there is told here. A
		// session that is over is answered with 401, which is no fault of the page's.
		// What the processor's page complains of is not ours either.
		ours := !strings.HasPrefix(e.Entry.URL, processor.URL())
		if e.Entry.Level == cdplog.LevelError && ours && !strings.Contains(e.Entry.Text, "401") {
			p.Errorf("the browser complains: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		p.mu.Lock()
		p.requests = append(p.requests, e.Request.Method+" "+e.Request.URL)
		p.mu.Unlock()
		// A person is led to the processor's page; nothing but a person goes there.
		led := e.Type == network.ResourceTypeDocument && strings.HasPrefix(e.Request.URL, processor.URL())
		if at, err := url.Parse(e.Request.URL); err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Host != host() && !led && !strings.HasPrefix(e.DocumentURL, processor.URL()) {
			p.Errorf("the page asks another host: %s", e.Request.URL)
		}
	}
}

func host() string { return strings.TrimPrefix(platform.URL(), "http://") }

// sent lists the requests so far, and forgets them.
func (p *tab) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.requests = nil }()
	return p.requests
}

// do runs actions, each bounded in time.
func (p *tab) do(actions ...chromedp.Action) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, shown)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.Fatalf("%v\n%s", err, p.dump())
	}
}

// dump is the text of the page, for a failure.
func (p *tab) dump() string {
	ctx, cancel := context.WithTimeout(p.ctx, time.Second)
	defer cancel()
	var text string
	_ = chromedp.Run(ctx, chromedp.Evaluate("location.pathname + location.search + '\\n' + document.body.innerText", &text)) // a failure is under way
	return text
}

// eval is the value of a JavaScript expression.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	var value T
	var text string
	p.do(chromedp.Evaluate("JSON.stringify("+expression+") ?? 'null'", &text))
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		p.Fatalf("%s is %s: %v", expression, text, err)
	}
	return value
}

// await waits until a JavaScript expression is true.
func (p *tab) await(what, expression string) {
	p.Helper()
	deadline := time.Now().Add(shown)
	for !eval[bool](p, "!!("+expression+")") {
		if time.Now().After(deadline) {
			p.Fatalf("after %s the page does not show %s (%s):\n%s", shown, what, expression, p.dump())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// session is what the operator's platform gets for a person.
type session struct {
	URL       string `json:"url"`
	Token     string `json:"token"`
	ExpiresAt string `json:"expires_at"`
}

func openSession(t *testing.T, account string, wanted body) session {
	t.Helper()
	return read[session](t, admin(t).call(request{route: httpapi.PostSession, path: []string{account}, body: wanted}), 201)
}

// openUsage opens an account's Usage page as the person does who follows the link.
func (p *tab) openUsage(account string) {
	p.Helper()
	p.do(chromedp.Navigate(openSession(p.T, account, body{}).URL))
	p.await("the balance", `document.querySelector('[data-test="available"]')`)
}

// shoot keeps a picture of the whole page where pictures are wanted.
func (p *tab) shoot(name string) {
	p.Helper()
	dir := os.Getenv("DRAWDOWN_SHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	p.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		picture, err = cdppage.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	if err := os.WriteFile(dir+"/"+name+".png", picture, 0o600); err != nil {
		p.Fatal(err)
	}
}

// accessible runs axe-core over the page as it is.
func (p *tab) accessible(where string) {
	p.Helper()
	code, err := os.ReadFile(os.Getenv(axeVariable))
	if err != nil {
		p.Fatalf("%s must name axe-core; make test does: %v", axeVariable, err)
	}
	p.do(chromedp.Evaluate(string(code)+";null", nil))
	// What is being replaced is faded, and a fade passes through every contrast.
	p.await("a page at rest", "!document.querySelector('.busy') && document.getAnimations().every(a => !(a instanceof CSSTransition) || a.playState !== 'running')")
	p.do(chromedp.Evaluate(`window.found = null; axe.run().then(r => window.found = r.violations.map(v =>
		v.impact + ' ' + v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)).join(' | '))); null`, nil))
	p.await("the accessibility report", "window.found")
	for _, violation := range eval[[]string](p, "window.found") {
		p.Errorf("%s: %s", where, violation)
	}
}

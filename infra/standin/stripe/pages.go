package stripe

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

// views are the pages, each in the common frame.
var views = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, name := range []string{"pay", "confirm", "portal", "invoice", "receipt", "closed"} {
		all[name] = template.Must(template.ParseFS(pageFiles, "pages/frame.html", "pages/"+name+".html"))
	}
	return all
}()

func (s *Server) addPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /pay/{id}", func(w http.ResponseWriter, r *http.Request) { s.showPay(w, r, "") })
	mux.HandleFunc("POST /pay/{id}", s.submitPay)
	mux.HandleFunc("GET /portal/{id}", s.showPortal)
	mux.HandleFunc("POST /portal/{id}/card", s.submitCard)
	mux.HandleFunc("POST /portal/{id}/subscription", s.submitSubscription)
	mux.HandleFunc("GET /invoice/{id}", func(w http.ResponseWriter, r *http.Request) { s.showInvoice(w, r, "") })
	mux.HandleFunc("POST /invoice/{id}", s.submitInvoice)
	mux.HandleFunc("GET /receipt/{id}", s.showReceipt)
}

func show(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := views[name].ExecuteTemplate(&page, "frame", data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the caller is gone
}

// choice is a card that can be chosen on a page.
type choice struct {
	Card   Card
	Label  string
	Number string
	First  bool
}

func choices(of ...Card) []choice {
	all := make([]choice, 0, len(of))
	for i, card := range of {
		all = append(all, choice{card, cards[card].label, cards[card].number, i == 0})
	}
	return all
}

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format("2 January 2006") }

// payView is a checkout or an invoice to be paid.
type payView struct {
	Title, ID, What, Amount, Every, CancelURL, Message, Card string
	Save, OfferSave                                          bool
	Choices                                                  []choice
}

// view returns what the page of an open checkout shows.
func (s *Server) viewPay(id string) (payView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	c := s.sessions.get(id)
	if c == nil || c.status != "open" {
		return payView{}, false
	}
	p := s.prices.get(c.price)
	return payView{
		Title: "Pay", ID: id, What: s.products.get(p.product).name, Amount: amountText(p.amount, p.currency), Every: p.interval,
		CancelURL: c.cancelURL, OfferSave: c.offerSave,
		Choices: choices(CardWorks, CardDeclined, CardDeclinedLater, CardAuthentication, CardAsync),
	}, true
}

type closedView struct{ Title, Message, Link string }

func showClosed(w http.ResponseWriter, message string) {
	show(w, http.StatusNotFound, "closed", closedView{Title: "Not open", Message: message})
}

func (s *Server) showPay(w http.ResponseWriter, r *http.Request, message string) {
	view, ok := s.viewPay(r.PathValue("id"))
	if !ok {
		showClosed(w, "This checkout is not open: it was paid, has expired, or there is none.")
		return
	}
	status := http.StatusOK
	if view.Message = message; message != "" {
		status = http.StatusPaymentRequired
	}
	show(w, status, "pay", view)
}

func (s *Server) submitPay(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	card, save := Card(r.PostFormValue("card")), r.PostFormValue("save") != ""
	if card == CardAuthentication {
		switch r.PostFormValue("confirm") {
		case "":
			view, ok := s.viewPay(r.PathValue("id"))
			if !ok {
				showClosed(w, "This checkout is not open any more.")
				return
			}
			view.Title, view.Card, view.Save = "Confirm the payment", string(card), save
			show(w, http.StatusOK, "confirm", view)
			return
		case "no":
			s.showPay(w, r, "The payment was not confirmed. Choose another way to pay, or try again.")
			return
		}
	}
	success, err := s.Pay(r.PathValue("id"), card, save)
	if err != nil {
		s.showPay(w, r, err.Error())
		return
	}
	if !isWeb(success) {
		http.Error(w, "The checkout's success_url is not a web address.", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, success, http.StatusSeeOther) //nolint:gosec // isWeb has checked it, and the page of a checkout may be anywhere
}

func isWeb(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https")
}

type portalView struct {
	Title, ID, Name, ReturnURL string
	Cards                      []choice // saved
	Choices                    []choice
	Subscriptions              []subscriptionView
	Invoices                   []invoiceView
}

type subscriptionView struct {
	ID, Plan, Price, Status, Until string
	Ends                           bool
}

type invoiceView struct{ ID, Date, What, Amount, Status string }

func (s *Server) showPortal(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	view, ok := s.viewPortal(r.PathValue("id"))
	s.mu.Unlock()
	if !ok {
		showClosed(w, "There is no such page.")
		return
	}
	show(w, http.StatusOK, "portal", view)
}

func (s *Server) viewPortal(id string) (portalView, bool) {
	s.catchUp()
	visit := s.portals.get(id)
	if visit == nil {
		return portalView{}, false
	}
	owner := s.customers.get(visit.customer)
	view := portalView{
		Title: "Billing", ID: id, Name: owner.name, ReturnURL: visit.returnURL,
		Choices: choices(CardWorks, CardDeclinedLater, CardAuthentication),
	}
	for _, m := range s.methods.newest() {
		if m.customer == owner.id {
			view.Cards = append(view.Cards, choices(m.card)...)
		}
	}
	for _, sub := range s.subscriptions.newest() {
		if sub.customer == owner.id && sub.ended == 0 {
			p := s.prices.get(sub.price)
			view.Subscriptions = append(view.Subscriptions, subscriptionView{
				ID: sub.id, Plan: s.products.get(p.product).name, Price: amountText(p.amount, p.currency) + " each " + p.interval,
				Status: sub.status, Until: day(sub.end), Ends: sub.cancelAtPeriodEnd || sub.cancelAt != 0,
			})
		}
	}
	for _, inv := range s.invoices.newest() {
		if inv.customer == owner.id && inv.finalized != 0 {
			view.Invoices = append(view.Invoices, invoiceView{inv.id, day(inv.created), inv.title(), amountText(inv.total(), inv.currency), inv.status})
		}
	}
	return view, true
}

func (inv *invoice) title() string {
	if len(inv.lines) == 0 {
		return "Nothing"
	}
	return inv.lines[len(inv.lines)-1].description
}

func (s *Server) submitCard(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	card := Card(r.PostFormValue("card"))
	s.mu.Lock()
	defer s.mu.Unlock()
	visit := s.portals.get(r.PathValue("id"))
	if visit == nil || !card.known() {
		showClosed(w, "There is no such page, or no such card.")
		return
	}
	if err := s.setCard(visit.customer, card); err != nil {
		showClosed(w, err.Error())
		return
	}
	http.Redirect(w, r, "/portal/"+visit.id, http.StatusSeeOther)
}

// submitSubscription ends a subscription with its period, or continues it. Like Stripe's portal, it does so by the
// date.
func (s *Server) submitSubscription(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mu.Lock()
	defer s.mu.Unlock()
	visit, sub := s.portals.get(r.PathValue("id")), s.subscriptions.get(r.PostFormValue("subscription"))
	if visit == nil || sub == nil || sub.customer != visit.customer || sub.ended != 0 {
		showClosed(w, "There is no such subscription.")
		return
	}
	sub.cancelAtPeriodEnd, sub.cancelAt, sub.canceled = false, 0, 0
	if r.PostFormValue("end") == "yes" {
		sub.cancelAt, sub.canceled = sub.end, s.now().Unix()
	}
	s.emit("customer.subscription.updated", s.renderSubscription(sub))
	http.Redirect(w, r, "/portal/"+visit.id, http.StatusSeeOther)
}

type fullInvoice struct {
	Title, ID, Status, Amount, Date, Message string
	Lines                                    []invoiceView
	Choices                                  []choice
	Open                                     bool
}

func (s *Server) showInvoice(w http.ResponseWriter, r *http.Request, message string) {
	s.mu.Lock()
	s.catchUp()
	inv := s.invoices.get(r.PathValue("id"))
	if inv == nil || inv.finalized == 0 {
		s.mu.Unlock()
		showClosed(w, "There is no such invoice.")
		return
	}
	view := fullInvoice{
		Title: "Invoice", ID: inv.id, Status: inv.status, Amount: amountText(inv.total(), inv.currency), Date: day(inv.created),
		Message: message, Open: inv.status == "open", Choices: choices(CardWorks, CardDeclined),
	}
	for _, l := range inv.lines {
		view.Lines = append(view.Lines, invoiceView{What: l.description, Amount: amountText(l.amount, inv.currency)})
	}
	s.mu.Unlock()
	status := http.StatusOK
	if message != "" {
		status = http.StatusPaymentRequired
	}
	show(w, status, "invoice", view)
}

func (s *Server) submitInvoice(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := s.PayInvoice(r.PathValue("id"), Card(r.PostFormValue("card"))); err != nil {
		s.showInvoice(w, r, err.Error())
		return
	}
	http.Redirect(w, r, "/invoice/"+r.PathValue("id"), http.StatusSeeOther) //nolint:gosec // a page of its own
}

type receiptView struct{ Title, ID, What, Amount, Refunded, Date string }

func (s *Server) showReceipt(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ch := s.charges.get(r.PathValue("id"))
	if ch == nil || ch.status != "succeeded" {
		s.mu.Unlock()
		showClosed(w, "There is no such receipt.")
		return
	}
	view := receiptView{Title: "Receipt", ID: ch.id, What: ch.description, Amount: amountText(ch.amount, ch.currency), Date: day(ch.created)}
	if ch.refunded > 0 {
		view.Refunded = amountText(ch.refunded, ch.currency)
	}
	s.mu.Unlock()
	show(w, http.StatusOK, "receipt", view)
}

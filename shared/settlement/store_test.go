package settlement_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/ledger"
	"drawdown/shared/memory"
)

// store keeps what a settler's store keeps, with the conditions of the real one.
// Beside that it is the ledger's: an overage that an entry has closed is noted in
// the commit of that entry.
type store struct {
	*faults
	ledger memory.Store

	mu        sync.Mutex
	plans     map[string]billing.Plan
	packs     map[string]billing.Pack
	customers map[string]string
	standings map[string]billing.Standing
	due       map[string]time.Time
	bills     map[billKey]billing.Bill
	states    map[string][]billing.BillState // of each line, in the order of their writing
}

type billKey struct {
	account, id string
	at          int64
}

func keyOf(b billing.Bill) billKey { return billKey{b.Account, b.ID, b.At.UnixMilli()} }

func newStore(f *faults) *store {
	return &store{
		faults: f, plans: map[string]billing.Plan{}, packs: map[string]billing.Pack{}, customers: map[string]string{},
		standings: map[string]billing.Standing{}, due: map[string]time.Time{}, bills: map[billKey]billing.Bill{}, states: map[string][]billing.BillState{},
	}
}

func (s *store) ask(name string, effect func()) error {
	return s.call("store."+name, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		effect()
		return nil
	})
}

func (s *store) Wallet(ctx context.Context, account string) (*ledger.Wallet, error) {
	snapshot, err := s.Read(ctx, account, nil, "")
	return snapshot.Wallet, err
}

func (s *store) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (found commit.Snapshot, err error) {
	return found, s.call("store.Read", func() error {
		found, err = s.ledger.Read(ctx, account, operations, of)
		return err
	})
}

// Commit implements commit.Store.
func (s *store) Commit(ctx context.Context, change commit.Change) (verdict commit.Verdict, err error) {
	return verdict, s.call("store.Commit", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if verdict, err = s.ledger.Commit(ctx, change); err != nil || !verdict.Committed {
			return err
		}
		for _, entry := range change.Entries {
			if overage, due := entry.Bill(); due {
				s.write(billing.Bill{
					Account: entry.Account, ID: "overage:" + strings.TrimPrefix(string(entry.Operation), "SYS#"), At: entry.CreatedAt,
					Kind: billing.OverageBill, State: billing.BillPending, Amount: overage.Price, Credits: overage.Billed, Description: overage.Plan, Seq: entry.Seq,
				})
			}
		}
		return nil
	})
}

func (s *store) write(b billing.Bill) {
	b.Version++
	s.bills[keyOf(b)] = b
	s.states[b.ID] = append(s.states[b.ID], b.State)
}

func (s *store) Plan(_ context.Context, id string) (found *billing.Plan, err error) {
	return found, s.ask("Plan", func() {
		if plan, known := s.plans[id]; known {
			found = &plan
		}
	})
}

func (s *store) Pack(_ context.Context, id string) (found *billing.Pack, err error) {
	return found, s.ask("Pack", func() {
		if pack, known := s.packs[id]; known {
			found = &pack
		}
	})
}

func (s *store) Customer(_ context.Context, account string) (found string, err error) {
	return found, s.ask("Customer", func() { found = s.customers[account] })
}

func (s *store) SaveCustomer(_ context.Context, account, customer string) (kept string, err error) {
	return kept, s.ask("SaveCustomer", func() {
		if s.customers[account] == "" {
			s.customers[account] = customer
		}
		kept = s.customers[account]
	})
}

func (s *store) Standing(_ context.Context, account string) (found *billing.Standing, err error) {
	return found, s.ask("Standing", func() {
		if standing, known := s.standings[account]; known {
			found = &standing
		}
	})
}

func (s *store) SaveStanding(_ context.Context, standing billing.Standing, due time.Time) (saved bool, err error) {
	return saved, s.ask("SaveStanding", func() {
		if s.standings[standing.Account].Version != standing.Version {
			return
		}
		standing.Version++
		standing.LatestInvoice = "" // which the real one does not keep
		s.standings[standing.Account], s.due[standing.Account], saved = standing, due, true
	})
}

func (s *store) Bill(_ context.Context, account string, at time.Time, id string) (found *billing.Bill, err error) {
	return found, s.ask("Bill", func() {
		if bill, known := s.bills[billKey{account, id, at.UnixMilli()}]; known {
			found = &bill
		}
	})
}

func (s *store) SaveBill(_ context.Context, bill billing.Bill) (saved bool, err error) {
	return saved, s.ask("SaveBill", func() {
		if s.bills[keyOf(bill)].Version != bill.Version {
			return
		}
		s.write(bill)
		saved = true
	})
}

// line is a line of the billing history by its id; a zero one if there is none.
func (s *store) line(id string) billing.Bill {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, bill := range s.bills {
		if key.id == id {
			return bill
		}
	}
	return billing.Bill{}
}

// overages are the lines of overage, by their time.
func (s *store) overages() []billing.Bill {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []billing.Bill
	for _, bill := range s.bills {
		if bill.Kind == billing.OverageBill {
			found = append(found, bill)
		}
	}
	slices.SortFunc(found, func(a, b billing.Bill) int { return a.At.Compare(b.At) })
	return found
}

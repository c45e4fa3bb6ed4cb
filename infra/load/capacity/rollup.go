package capacity

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/infra/load/report"
	"drawdown/infra/load/subject"
	"drawdown/infra/load/usual"
	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
)

const (
	talker       = "talker" // the account whose roll-up is measured
	talkerAgents = 8
	talkerDebits = 60 // of an agent and a day
	quietWallets = "quiet-wallets"
)

// runs are roll-ups of the same size.
type runs struct {
	entries, times int
	// fresh: each in an environment with an empty cache of conversations
	fresh bool
}

// The sizes of runs, with more of the small ones, because they vary more.
var rollups = []runs{{1, 24, false}, {10, 8, false}, {10, 4, true}, {100, 3, false}, {1000, 1, false}}

func (r runs) name() string {
	if r.fresh {
		return fmt.Sprintf("%d, new environment", r.entries)
	}
	return fmt.Sprint(r.entries)
}

// folding is an account whose agents talk, and its roll-up. Its wallet is in a
// table without a stream, so that the platform's own roll-up is not triggered and
// everything is left to the one that is measured.
type folding struct {
	meter  *Meter
	client func() dynamo.Tables
	tables dynamo.Tables // of an environment that lives on

	committer *commit.Committer
	talk      *usual.Talk
	spoken    int             // debits
	seq       int64           // of the last entry
	known     map[string]bool // conversations that the reused environment has cached
}

func newFolding(ctx context.Context, platform *subject.Subject) (*folding, error) {
	names, db := platform.Names(), platform.DB()
	names.Wallets = quietWallets
	partition := dynamo.WalletsTable.Partition
	if _, err := db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String(quietWallets), BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: &partition.Name, KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &partition.Name, AttributeType: types.ScalarAttributeType(partition.Type)}},
	}); err != nil {
		return nil, err
	}
	meter := NewMeter(db, schemaOf(names))
	f := &folding{
		meter: meter, known: map[string]bool{},
		client: func() dynamo.Tables { return dynamo.New(platform.DB(meter.Install), names, nil) },
	}
	f.tables = f.client()
	f.committer = platform.Committer(f.tables)
	now := time.Now()
	f.talk = usual.NewTalk(talkerAgents, now)
	if err := usual.Open(ctx, f.committer, talker); err != nil {
		return nil, err
	}
	wallet, err := f.tables.Ledger.Wallet(ctx, talker)
	if err != nil {
		return nil, err
	}
	location, err := time.LoadLocation(wallet.Settings.Zone)
	if err != nil {
		return nil, err
	}
	return f, fill(ctx, f.tables.Usage, talker, grownSheets(now.In(location)))
}

// say commits that many debits. It returns what that has cost, which agents took
// part, and which conversations began or continued.
func (f *folding) say(ctx context.Context, debits int) (said, error) {
	s := said{agents: map[string]bool{}, conversations: map[string]bool{}}
	commands := make([]ledger.Command, debits)
	for i := range commands {
		step := f.talk.Next()
		s.agents[step.Agent.ID], s.conversations[step.Conversation] = true, true
		if step.Begins {
			s.begun++
		}
		commands[i] = ledger.Keyed(usual.Operation("talk", f.spoken), step.Debit)
		f.spoken++
	}
	if _, err := f.meter.Take(); err != nil {
		return s, err
	}
	for _, outcome := range f.committer.Run(ctx, talker, commands...) {
		if outcome.Err != nil {
			return s, outcome.Err
		}
		f.seq = outcome.Entry.Seq
	}
	var err error
	s.cost, err = f.meter.Take()
	return s, err
}

type said struct {
	agents, conversations map[string]bool
	begun                 int // conversations
	cost                  Cost
}

// rolled is what one roll-up has cost, and its budget.
type rolled struct {
	cost, budget Units
	requests     int
	depth        int
	sheets       int // as the roll-up reports them
	touched      int // sheets of the day, and of each agent its day and its month
	begun        int // conversations
}

func (f *folding) rollUp(ctx context.Context, kind runs) (rolled, Cost, error) {
	before := f.seq
	said, err := f.say(ctx, kind.entries)
	if err != nil {
		return rolled{}, Cost{}, err
	}
	// What the entries cost to read, by their size: a page of just these.
	if _, err := f.tables.Ledger.Entries(ctx, talker, ledger.Page{After: before, Limit: kind.entries}); err != nil {
		return rolled{}, Cost{}, err
	}
	page, err := f.meter.Take()
	if err != nil {
		return rolled{}, Cost{}, err
	}
	tables, unknown := f.environment(kind.fresh, said.conversations)
	result, err := f.folder(tables, kind.entries).CatchUp(ctx, talker, f.seq)
	if err != nil {
		return rolled{}, Cost{}, err
	}
	if result.Entries != kind.entries || result.Behind != 0 {
		return rolled{}, Cost{}, fmt.Errorf("%d entries of %d are folded, %d left", result.Entries, kind.entries, result.Behind)
	}
	cost, err := f.meter.Take()
	if err == nil && len(cost.Updated) != result.Sheets {
		err = fmt.Errorf("%d sheets were updated, and %d reported", len(cost.Updated), result.Sheets)
	}
	const mark = 1
	return rolled{
		cost: cost.Counted, requests: cost.Requests, depth: cost.Depth,
		budget: Units{
			Read:  page.Counted.Read + float64(unknown) + mark,
			Write: cost.updatedUnits() + float64(said.begun) + mark,
		},
		sheets: result.Sheets, touched: 1 + 2*len(said.agents), begun: said.begun,
	}, said.cost, err
}

// environment is a client of the tables, and how many of the conversations it does not
// remember: a fresh one none of them, and the one that lives on those that it
// has had to do with.
func (f *folding) environment(fresh bool, conversations map[string]bool) (tables dynamo.Tables, unknown int) {
	if fresh {
		return f.client(), len(conversations)
	}
	for conversation := range conversations {
		if !f.known[conversation] {
			f.known[conversation] = true
			unknown++
		}
	}
	return f.tables, unknown
}

func (f *folding) folder(tables dynamo.Tables, page int) *rollup.Folder {
	store := struct {
		*dynamo.Ledger
		*dynamo.Usage
	}{tables.Ledger, tables.Usage}
	return &rollup.Folder{Store: store, Now: time.Now, Page: page, IndexWait: rollup.DefaultIndexWait}
}

// settle rolls up the opening, and enough talk that conversations are at every
// stage.
func (f *folding) settle(ctx context.Context) error {
	const debits = 150
	said, err := f.say(ctx, debits)
	if err != nil {
		return err
	}
	tables, _ := f.environment(false, said.conversations)
	_, err = f.folder(tables, rollup.DefaultPage).CatchUp(ctx, talker, f.seq)
	return err
}

// updatedUnits returns what one update of each item costs, by size.
func (c Cost) updatedUnits() float64 {
	var units float64
	for _, size := range c.Updated {
		units += blocks(size, writeBlock)
	}
	return units
}

func measureRollup(ctx context.Context, r *report.Report, platform *subject.Subject) error {
	f, err := newFolding(ctx, platform)
	if err != nil {
		return err
	}
	if err := f.settle(ctx); err != nil {
		return err
	}
	var all []rolledRow
	for _, kind := range rollups {
		row := rolledRow{kind: kind}
		for range kind.times {
			one, committed, err := f.rollUp(ctx, kind)
			if err != nil {
				return fmt.Errorf("%s entries a run: %w", kind.name(), err)
			}
			row.add(one, committed.Counted)
		}
		all = append(all, row)
	}
	reportRollup(r, all)
	return nil
}

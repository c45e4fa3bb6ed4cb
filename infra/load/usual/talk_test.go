package usual_test

import (
	"reflect"
	"testing"
	"time"

	"drawdown/infra/load/usual"
	"drawdown/shared/credit"
)

func TestATalkBeginsEachConversationOnce(t *testing.T) {
	const agents, debits = 3, 500
	now := time.UnixMilli(1_795_507_200_000)
	talk, again := usual.NewTalk(agents, now), usual.NewTalk(agents, now)
	owner := map[string]string{}
	for range debits {
		step := talk.Next()
		if other := again.Next(); !reflect.DeepEqual(step, other) {
			t.Fatalf("a talk differs from time to time: %+v and %+v", step, other)
		}
		agent, known := owner[step.Conversation]
		if step.Begins == known {
			t.Fatalf("conversation %s begins: %v, though it is known: %v", step.Conversation, step.Begins, known)
		}
		if known && agent != step.Agent.ID {
			t.Fatalf("conversation %s goes on with another agent", step.Conversation)
		}
		owner[step.Conversation] = step.Agent.ID
		if _, _, err := usual.Card(now).Price(step.Lines); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(owner); n < debits/8 || n > debits/4 {
		t.Errorf("%d conversations of %d debits", n, debits)
	}
}

func TestADayAddsUp(t *testing.T) {
	day := usual.Day(60)
	var byChannel, byNode credit.Amount
	for _, credits := range day.Channels {
		byChannel += credits
	}
	for _, counts := range day.Nodes {
		byNode += counts.Credits
	}
	if byChannel != day.Credits || byNode != day.Credits {
		t.Errorf("%s by channel and %s by node, of %s", byChannel, byNode, day.Credits)
	}
	if len(day.Channels) != len(usual.Channels) || len(day.Nodes) != len(usual.Nodes) {
		t.Errorf("%d channels and %d nodes", len(day.Channels), len(day.Nodes))
	}
}

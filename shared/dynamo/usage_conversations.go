package dynamo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/parallel"
	"drawdown/shared/usage"
)

const (
	attrFirst = "s" // of a conversation: the entry that had it first

	// maxKnown bounds the conversations that are remembered in memory.
	maxKnown   = 50_000
	batchReads = 100
	putsAtOnce = 16
)

// known remembers which entry had a conversation first: within an epoch that
// never changes, so it is read at most once an environment.
type known struct {
	mu     sync.Mutex
	firsts map[knownKey]int64
}

type knownKey struct {
	account string
	epoch   int64
	usage.Conversation
}

func (k *known) get(key knownKey) (int64, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	first, found := k.firsts[key]
	return first, found
}

func (k *known) put(key knownKey, first int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.firsts == nil || len(k.firsts) >= maxKnown {
		k.firsts = map[knownKey]int64{}
	}
	k.firsts[key] = first
}

// See implements rollup.Store: what is not remembered is read, and what is not
// there is put, unless somebody else puts it first.
func (u *Usage) See(ctx context.Context, account string, epoch int64, sightings []usage.Sighting) (map[usage.Conversation]int64, error) {
	firsts := make(map[usage.Conversation]int64, len(sightings))
	var unknown []usage.Sighting
	for _, sighting := range sightings {
		if first, found := u.known.get(knownKey{account, epoch, sighting.Conversation}); found {
			firsts[sighting.Conversation] = first
		} else {
			unknown = append(unknown, sighting)
		}
	}
	for len(unknown) > 0 {
		chunk := unknown[:min(batchReads, len(unknown))]
		unknown = unknown[len(chunk):]
		stored, err := u.storedConversations(ctx, account, epoch, chunk)
		if err != nil {
			return nil, err
		}
		if err := u.putConversations(ctx, account, epoch, chunk, stored); err != nil {
			return nil, err
		}
		for conversation, first := range stored {
			firsts[conversation] = first
			u.known.put(knownKey{account, epoch, conversation}, first)
		}
	}
	return firsts, nil
}

func (u *Usage) storedConversations(ctx context.Context, account string, epoch int64, sightings []usage.Sighting) (map[usage.Conversation]int64, error) {
	byKey := make(map[Key]usage.Conversation, len(sightings))
	keys := make([]Key, len(sightings))
	for i, sighting := range sightings {
		keys[i] = conversationKey(account, sighting.Conversation)
		byKey[keys[i]] = sighting.Conversation
	}
	found, err := u.batchGet(ctx, map[string][]Key{u.names.Usage: keys})
	if err != nil {
		return nil, err
	}
	stored := make(map[usage.Conversation]int64, len(sightings))
	for _, item := range found[u.names.Usage] {
		if numberOf(item[attrEpoch]) >= epoch {
			stored[byKey[Key{stringOf(item[attrPK]), stringOf(item[attrSK])}]] = numberOf(item[attrFirst])
		}
	}
	return stored, nil
}

// putConversations puts those that are not stored, and completes stored.
func (u *Usage) putConversations(ctx context.Context, account string, epoch int64, sightings []usage.Sighting, stored map[usage.Conversation]int64) error {
	var missing []usage.Sighting
	for _, sighting := range sightings {
		if _, there := stored[sighting.Conversation]; !there {
			missing = append(missing, sighting)
		}
	}
	firsts := make([]int64, len(missing))
	failures := parallel.Each(ctx, putsAtOnce, len(missing), func(ctx context.Context, i int) (err error) {
		firsts[i], err = u.putConversation(ctx, account, epoch, missing[i])
		return err
	})
	for i, sighting := range missing {
		if failures[i] == nil {
			stored[sighting.Conversation] = firsts[i]
		}
	}
	return errors.Join(failures...)
}

func (u *Usage) putConversation(ctx context.Context, account string, epoch int64, sighting usage.Sighting) (int64, error) {
	item := conversationKey(account, sighting.Conversation).attributes()
	item[attrFirst], item[attrEpoch] = number(sighting.Seq), number(epoch)
	out, err := u.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &u.names.Usage,
		Item:                                item,
		ConditionExpression:                 aws.String(olderEpoch),
		ExpressionAttributeValues:           map[string]types.AttributeValue{":ep": number(epoch)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return numberOf(failed.Item[attrFirst]), nil
	}
	if err != nil {
		return 0, failure(fmt.Sprintf("remembering conversation %v", sighting.Conversation), err)
	}
	u.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return sighting.Seq, nil
}

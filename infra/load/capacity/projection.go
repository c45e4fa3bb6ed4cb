package capacity

import "drawdown/shared/dynamo"

// projection is the part of a table's items that an index holds.
type projection struct {
	table dynamo.Table
	index dynamo.Index
}

// entry returns what the index holds of an item; nil if the item lacks the index's
// keys.
func (p projection) entry(item Item) Item {
	for _, attribute := range []dynamo.Attribute{p.index.Partition, p.index.Sort} {
		if _, there := item[attribute.Name]; !there && attribute.Name != "" {
			return nil
		}
	}
	if !p.index.KeysOnly || item == nil {
		return item
	}
	return pick(item, p.table.Partition, p.table.Sort, p.index.Partition, p.index.Sort)
}

func (p projection) keyOf(entry Item) Item { return pick(entry, p.index.Partition, p.index.Sort) }

func pick(item Item, attributes ...dynamo.Attribute) Item {
	picked := Item{}
	for _, attribute := range attributes {
		if value, there := item[attribute.Name]; there {
			picked[attribute.Name] = value
		}
	}
	return picked
}

// Package events is what Drawdown says on the event bus: one Go type a message,
// with its JSON schema and samples that must decode for ever.
package events

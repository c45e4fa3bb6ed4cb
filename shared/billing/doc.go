// Package billing defines what is sold and what is known about payments.
//
// Terms. A plan is a subscription that includes credits for each of its
// periods; use beyond it is overage. A pack is a one-time purchase of credits.
// A payment, an invoice and a subscription here are the payment processor's
// current objects, reduced to what decisions need: code that acts on an event
// of the processor reads the object again, so that neither the order nor the
// number of events matters.
//
// The package decides about terms, periods and amounts, and must not depend on
// how anything is stored, sent or charged.
package billing

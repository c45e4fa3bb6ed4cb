// Package stripetest tests shared/stripepay, the adapter for Stripe, against the stand-in for Stripe and against Stripe's
// own description of its API (stripe-mock), and the stand-in through the adapter. It holds nothing but tests.
//
// They are here because the stand-in imports nothing of the platform, and the platform nothing of the stand-in.
package stripetest

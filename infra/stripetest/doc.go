// Package stripetest tries shared/stripepay, the adapter for Stripe, with the stand-in for Stripe and with Stripe's own
// description of its API (stripe-mock), and the stand-in with the adapter. It holds tests alone.
//
// They lie here since the stand-in knows nothing of the platform, and the platform nothing of the stand-in.
package stripetest

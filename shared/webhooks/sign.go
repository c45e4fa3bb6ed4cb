package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The headers of a delivery.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

const (
	secretPrefix = "whsec_"
	scheme       = "v1,"
	// secretBytes is the size of a new secret; the standard allows 24 to 64.
	secretBytes    = 32
	minSecretBytes = 24
	maxSecretBytes = 64
	// Tolerance is how far a timestamp may be from the receiver's clock.
	Tolerance = 5 * time.Minute
)

// ErrSecret means that a text is not a valid endpoint secret.
var ErrSecret = errors.New("webhooks: a secret must be whsec_ followed by the base64 of 24 to 64 bytes")

// ErrSignature means that a message was not signed with the secret, or not
// within the tolerance.
var ErrSignature = errors.New("webhooks: no signature of the message is valid")

// NewSecret generates a random secret.
func NewSecret() string {
	var key [secretBytes]byte
	_, _ = rand.Read(key[:]) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

func keyOf(secret string) ([]byte, error) {
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return nil, ErrSecret
	}
	return key, nil
}

// Sign is the value of webhook-signature: one signature for each secret, so
// that a receiver may have the old one or the new one while a secret is
// replaced. It fails with ErrSecret.
func Sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := keyOf(secret)
		if err != nil {
			return "", err
		}
		signatures[i] = scheme + base64.StdEncoding.EncodeToString(sum(key, id, strconv.FormatInt(at.Unix(), 10), body))
	}
	return strings.Join(signatures, " "), nil
}

func sum(key []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify checks a message as its receiver does; header returns a header's value
// by its name. Signatures are compared in constant time. It fails with ErrSecret
// or ErrSignature.
func Verify(secret string, header func(string) string, body []byte, now time.Time) error {
	key, err := keyOf(secret)
	if err != nil {
		return err
	}
	id, timestamp := header(HeaderID), header(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return ErrSignature
	}
	want := sum(key, id, timestamp, body)
	for signature := range strings.FieldsSeq(header(HeaderSignature)) {
		encoded, found := strings.CutPrefix(signature, scheme)
		if got, err := base64.StdEncoding.DecodeString(encoded); found && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return ErrSignature
}

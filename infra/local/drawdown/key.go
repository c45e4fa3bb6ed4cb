package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// key is an API key, dk_<id>_<secret>.
type key struct{ id, secret string }

var keyForm = regexp.MustCompile(`^dk_([a-z0-9]+)_([A-Za-z0-9_-]{32,})$`)

// adminKey parses the key that the caller chose, or generates one.
func adminKey(chosen string) (key, error) {
	if chosen == "" {
		return key{id: "local", secret: strings.ToLower(rand.Text() + rand.Text())}, nil
	}
	parts := keyForm.FindStringSubmatch(chosen)
	if parts == nil {
		return key{}, errors.New("ADMIN_KEY is not of the form dk_<id>_<secret>, with an id of a-z and 0-9 and a secret of 32 characters or more")
	}
	return key{id: parts[1], secret: parts[2]}, nil
}

// String returns the whole key, as callers send it.
func (k key) String() string { return "dk_" + k.id + "_" + k.secret }

// parameter returns the key's template parameter, which does not contain the secret.
func (k key) parameter() string {
	return fmt.Sprintf("%s:%x", k.id, sha256.Sum256([]byte(k.String())))
}

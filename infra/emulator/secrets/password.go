package secrets

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// DefaultLength is the default length of a password, and longestPassword the limit.
const (
	DefaultLength   = 32
	longestPassword = 4096
)

// Password describes a random password: all types of characters unless they are excluded.
type Password struct {
	Length                                                                 int
	ExcludeUppercase, ExcludeLowercase, ExcludeNumbers, ExcludePunctuation bool
	IncludeSpace                                                           bool
	ExcludeCharacters                                                      string
	RequireEach                                                            bool // one of each type at least
}

// Make generates a password.
func (p Password) Make() (string, error) {
	types := p.types()
	all := strings.Join(types, "")
	switch {
	case p.Length < 1 || p.Length > longestPassword:
		return "", fmt.Errorf("the length %d is not within 1 and %d", p.Length, longestPassword)
	case all == "":
		return "", errors.New("no characters are left for a password")
	case p.RequireEach && p.Length < len(types):
		return "", fmt.Errorf("the length %d is less than one of each of %d types of characters", p.Length, len(types))
	}
	for {
		password, err := draw(all, p.Length)
		if err != nil || !p.RequireEach || hasEach(password, types) {
			return password, err
		}
	}
}

// types are the characters to choose from, by type.
func (p Password) types() []string {
	var types []string
	for _, t := range []struct {
		excluded   bool
		characters string
	}{
		{p.ExcludeUppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{p.ExcludeLowercase, "abcdefghijklmnopqrstuvwxyz"},
		{p.ExcludeNumbers, "0123456789"},
		{p.ExcludePunctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
		{!p.IncludeSpace, " "},
	} {
		left := strings.Map(func(c rune) rune {
			if strings.ContainsRune(p.ExcludeCharacters, c) {
				return -1
			}
			return c
		}, t.characters)
		if !t.excluded && left != "" {
			types = append(types, left)
		}
	}
	return types
}

func draw(characters string, length int) (string, error) {
	password := make([]byte, length)
	for i := range password {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(characters))))
		if err != nil {
			return "", err
		}
		password[i] = characters[n.Int64()]
	}
	return string(password), nil
}

func hasEach(password string, types []string) bool {
	for _, characters := range types {
		if !strings.ContainsAny(password, characters) {
			return false
		}
	}
	return true
}

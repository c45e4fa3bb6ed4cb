// Command operatorkey prints the deployment's parameter for the operator's first
// admin key: "<id>:<hex SHA-256>" of the key in the environment variable
// ADMIN_KEY. It never prints the key itself. If ADMIN_KEY is not set, it prints how
// to generate one, and fails.
package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"drawdown/shared/access"
)

func main() {
	description, err := describe(os.Getenv("ADMIN_KEY"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "operatorkey:", err)
		os.Exit(1)
	}
	fmt.Println(description)
}

var (
	errNoKey = errors.New("set ADMIN_KEY to the operator's admin key, dk_<id>_<secret>, with an id of a-z and 0-9 " +
		"and a random secret of at least 32 characters, for example\n" +
		"  export ADMIN_KEY=dk_operator_$(openssl rand -hex 24)")
	errBadKey = errors.New("ADMIN_KEY must be dk_<id>_<secret>, with an id of a-z and 0-9 and a secret of at least 32 characters")
)

func describe(key string) (string, error) {
	if key == "" {
		return "", errNoKey
	}
	id, ok := access.IDOf(key)
	if !ok {
		return "", errBadKey
	}
	hash := access.HashOf(key)
	return id + ":" + hex.EncodeToString(hash[:]), nil
}

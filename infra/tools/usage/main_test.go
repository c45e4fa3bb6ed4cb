package main

import (
	"errors"
	"testing"
)

func TestWhatTheFunctionIsTold(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"quarantined"}, `{"quarantined":true}`},
		{[]string{"sweep"}, `{"sweep":true}`},
		{[]string{"catch-up", "acme"}, `{"catch_up":"acme"}`},
		{[]string{"rebuild", "acme"}, `{"rebuild":"acme"}`},
	} {
		if got, err := payloadOf(c.arguments); err != nil || string(got) != c.want {
			t.Errorf("%v: %s, %v; want %s", c.arguments, got, err, c.want)
		}
	}
	for _, wrong := range [][]string{nil, {"rebuild"}, {"rebuild", ""}, {"sweep", "acme"}, {"reboot"}} {
		if _, err := payloadOf(wrong); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

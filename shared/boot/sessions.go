package boot

import (
	"context"
	"errors"
	"time"

	"drawdown/shared/secrets"
	"drawdown/shared/session"
)

// sessionKeys are the versions of a secret as the keys of sessions.
type sessionKeys struct{ secret *secrets.Secret }

// openSessionKeys are the keys that the environment names. A function without
// them knows no session.
func openSessionKeys(env func(string) string) session.Keys {
	arn := env(EnvSessionKey)
	if arn == "" {
		return noKeys{}
	}
	return sessionKeys{secrets.Open(awsConfig(env), endpoint(env, "SECRETS_MANAGER"), arn, time.Now)}
}

func (k sessionKeys) Current(ctx context.Context) (session.Key, error) {
	version, err := k.secret.Current(ctx)
	return keyOf(version), err
}

func (k sessionKeys) Find(ctx context.Context, id string) (*session.Key, error) {
	version, found, err := k.secret.Find(ctx, id)
	if err != nil || !found {
		return nil, err
	}
	key := keyOf(version)
	return &key, nil
}

func keyOf(v secrets.Version) session.Key {
	return session.Key{ID: v.ID, Secret: []byte(v.Value)}
}

// noKeys are the keys of a function that is given none.
type noKeys struct{}

func (noKeys) Current(context.Context) (session.Key, error) {
	return session.Key{}, errors.New("boot: " + EnvSessionKey + " is not set, so no session can be made")
}

func (noKeys) Find(context.Context, string) (*session.Key, error) { return nil, nil }

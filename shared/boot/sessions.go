package boot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/secrets"
	"drawdown/shared/session"
)

// sessionKeys uses the versions of a secret as the keys of sessions.
type sessionKeys struct{ secret *secrets.Secret }

// openSessionKeys returns the keys that the environment names. A function without
// them accepts no sessions.
func openSessionKeys(env func(string) string) session.Keys {
	arn := env(EnvSessionKey)
	if arn == "" {
		return noKeys{}
	}
	return sessionKeys{secrets.Open(awsConfig(env), endpoint(env, "SECRETS_MANAGER"), arn, time.Now)}
}

// Current is the signing key. A new key signs only after every environment must have
// read it, so that no new token is refused.
func (k sessionKeys) Current(ctx context.Context) (session.Key, error) {
	versions, err := k.secret.Versions(ctx)
	if err != nil {
		return session.Key{}, unreachable(ctx, err)
	}
	if len(versions) > 1 && time.Now().Before(startsAt(versions[0])) {
		return keyOf(versions[1]), nil
	}
	return keyOf(versions[0]), nil
}

// startsAt is when a version that replaced another one starts to sign.
func startsAt(v secrets.Version) time.Time { return v.CreatedAt.Add(secrets.TTL) }

// retirement is how long after that the previous version may still sign:
// environments do not switch at the same moment.
const retirement = secrets.TTL

func (k sessionKeys) Find(ctx context.Context, id string) (*session.Key, error) {
	version, found, err := k.secret.Find(ctx, id)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if !found {
		return nil, nil
	}
	key := keyOf(version)
	versions, err := k.secret.Versions(ctx)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if versions[0].ID != id {
		key.RetiredAt = startsAt(versions[0]).Add(retirement)
	}
	return &key, nil
}

// unreachable is the fault for keys that cannot be read, which is not the caller's.
func unreachable(ctx context.Context, err error) error {
	slog.ErrorContext(ctx, "the session key cannot be read", "error", err.Error())
	return fault.New(fault.Unavailable, "Sessions cannot be checked at the moment. Send the same request again.")
}

func keyOf(v secrets.Version) session.Key {
	return session.Key{ID: v.ID, Secret: []byte(v.Value)}
}

// noKeys are the keys of a function without a session key.
type noKeys struct{}

func (noKeys) Current(context.Context) (session.Key, error) {
	return session.Key{}, errors.New("boot: " + EnvSessionKey + " is not set, so sessions cannot be opened")
}

func (noKeys) Find(context.Context, string) (*session.Key, error) { return nil, nil }

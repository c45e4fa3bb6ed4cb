// Package secrets reads secrets of AWS Secrets Manager, and is the only
// importer of its SDK.
//
// A secret has a current version and, once it was rotated, the previous one,
// which Secrets Manager keeps under the stage AWSPREVIOUS. Both are cached for a
// while; an unknown version is looked up at once, but at most every few seconds,
// so that made-up ids cost nothing.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// The stages of versions in Secrets Manager.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

const (
	// TTL is how long versions are cached, and so how long a secret that was
	// replaced may still be in use.
	TTL = time.Minute
	// minAge is how old the cache must be before an unknown version, or a
	// failure, causes it to be read again.
	minAge = 5 * time.Second
	// maxStale is how long cached versions are used while they cannot be read
	// again.
	maxStale = time.Hour
)

// Version is one value of a secret.
type Version struct {
	ID        string
	Value     string
	CreatedAt time.Time
}

// Secret is one secret.
type Secret struct {
	client *secretsmanager.Client
	arn    string
	now    func() time.Time

	mu      sync.Mutex
	known   []Version // the current one first
	readAt  time.Time
	triedAt time.Time
}

// Open creates a client for one secret. It reads nothing yet. An empty endpoint
// means AWS's own.
func Open(config aws.Config, endpoint, arn string, now func() time.Time) *Secret {
	client := secretsmanager.NewFromConfig(config, func(o *secretsmanager.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})
	return &Secret{client: client, arn: arn, now: now}
}

// Versions are the valid ones, the current one first.
func (s *Secret) Versions(ctx context.Context) ([]Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(ctx, TTL); err != nil {
		return nil, err
	}
	return slices.Clone(s.known), nil
}

// Current is the version in force.
func (s *Secret) Current(ctx context.Context) (Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(ctx, TTL); err != nil {
		return Version{}, err
	}
	return s.known[0], nil
}

// Find is the valid version with that id, and false if there is none.
func (s *Secret) Find(ctx context.Context, id string) (Version, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(ctx, TTL); err != nil {
		return Version{}, false, err
	}
	version, found := s.find(id)
	if found {
		return version, true, nil
	}
	if err := s.refresh(ctx, minAge); err != nil {
		return Version{}, false, err
	}
	version, found = s.find(id)
	return version, found, nil
}

func (s *Secret) find(id string) (Version, bool) {
	for _, version := range s.known {
		if version.ID == id {
			return version, true
		}
	}
	return Version{}, false
}

// refresh reads the versions again if the cached ones are older than that. If
// they cannot be read, the cached ones remain in use, and the read is retried
// soon.
func (s *Secret) refresh(ctx context.Context, maxAge time.Duration) error {
	now := s.now()
	if len(s.known) > 0 && (now.Before(s.readAt.Add(maxAge)) || now.Before(s.triedAt.Add(minAge))) {
		return nil
	}
	s.triedAt = now
	versions, err := s.readAll(ctx)
	if err != nil {
		if len(s.known) > 0 && now.Before(s.readAt.Add(maxStale)) {
			return nil
		}
		return err
	}
	s.known, s.readAt = versions, now
	return nil
}

func (s *Secret) readAll(ctx context.Context) ([]Version, error) {
	var versions []Version
	for _, stage := range []string{current, previous} {
		version, err := s.read(ctx, stage)
		var missing *types.ResourceNotFoundException
		if stage == previous && errors.As(err, &missing) {
			break // never rotated
		}
		if err != nil {
			return nil, fmt.Errorf("secrets: %s of %s: %w", stage, s.arn, err)
		}
		versions = append(versions, version)
	}
	return versions, nil
}

func (s *Secret) read(ctx context.Context, stage string) (Version, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(s.arn), VersionStage: aws.String(stage),
	})
	if err != nil {
		return Version{}, err
	}
	return Version{ID: aws.ToString(out.VersionId), Value: aws.ToString(out.SecretString), CreatedAt: aws.ToTime(out.CreatedDate)}, nil
}

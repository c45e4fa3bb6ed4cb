// Package objects is a small S3: buckets in memory, served by the part of S3's HTTP API that its SDK needs to put, get,
// head, delete and list objects, with buckets named in the path.
//
// What S3 checks by permissions, encrypts or keeps as versions is no matter of it. A request that it does not
// understand is answered with NotImplemented and never passed over.
package objects

import (
	"crypto/md5" //nolint:gosec // S3's ETag is one
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Store holds buckets and their objects.
type Store struct {
	mu      sync.Mutex
	buckets map[string]map[string]Object
}

// Object is what is stored under a key.
type Object struct {
	Body     []byte
	Header   map[string]string // what was sent when it was put: type, metadata, checksum
	ETag     string            // in quotes
	Modified time.Time         // to the second
}

// New returns a store without buckets.
func New() *Store { return &Store{buckets: map[string]map[string]Object{}} }

// Create adds a bucket, and reports whether the name was free.
func (s *Store) Create(bucket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[bucket] != nil {
		return false
	}
	s.buckets[bucket] = map[string]Object{}
	return true
}

// Has reports whether there is such a bucket.
func (s *Store) Has(bucket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[bucket] != nil
}

// Put puts an object into a bucket, if there is such a bucket.
func (s *Store) Put(bucket, key string, body []byte, header map[string]string) (Object, bool) {
	sum := md5.Sum(body) //nolint:gosec // S3's ETag is one
	o := Object{
		Body: body, Header: header, ETag: `"` + hex.EncodeToString(sum[:]) + `"`, Modified: time.Now().UTC().Truncate(time.Second),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[bucket] == nil {
		return Object{}, false
	}
	s.buckets[bucket][key] = o
	return o, true
}

// Get finds an object.
func (s *Store) Get(bucket, key string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.buckets[bucket][key]
	return o, ok
}

// Delete removes an object. It need not be there.
func (s *Store) Delete(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], key)
}

// Keys lists the keys of a bucket that begin with the prefix, in order.
func (s *Store) Keys(bucket, prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.buckets[bucket])), func(key string) bool {
		return !strings.HasPrefix(key, prefix)
	})
}

// Package secrets is a small Secrets Manager: secrets in memory with their versions and staging labels, served by the
// part of its API that reads, writes and describes them, and the making of random passwords.
//
// What Secrets Manager encrypts, replicates, rotates or checks by permissions is no matter of it.
package secrets

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/function"
)

// The labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// sizeLimit bounds a value, in bytes.
const sizeLimit = 65_536

// Store holds secrets.
type Store struct {
	mu      sync.Mutex
	secrets map[string]*secret // by name
}

type secret struct {
	arn, name     string
	made, changed time.Time
	versions      map[string]*version // by id
	stages        map[string]string   // ids of versions by label
}

type version struct {
	value value
	made  time.Time
}

// value is text, or else bytes.
type value struct {
	text  *string
	bytes string // in base64
}

func (v value) equal(other value) bool {
	return v.bytes == other.bytes && (v.text == nil) == (other.text == nil) && (v.text == nil || *v.text == *other.text)
}

// New returns a store without secrets.
func New() *Store { return &Store{secrets: map[string]*secret{}} }

// Create adds a secret without a value, and reports whether the name was free.
func (s *Store) Create(name, arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets[name] != nil {
		return false
	}
	now := time.Now()
	s.secrets[name] = &secret{
		arn: arn, name: name, made: now, changed: now, versions: map[string]*version{}, stages: map[string]string{},
	}
	return true
}

// Put gives a secret a new current value. The secret is given by its name or ARN.
func (s *Store) Put(id, text string) error {
	_, err := s.put(context.Background(), putRequest{SecretID: id, SecretString: &text})
	return err
}

// Service is the API of the store.
func (s *Store) Service() awsjson.Service {
	return awsjson.Service{Target: "secretsmanager", Version: "1.1", Operations: map[string]awsjson.Operation{
		"DescribeSecret": awsjson.Operate(s.describe),
		"GetSecretValue": awsjson.Operate(s.get),
		"PutSecretValue": awsjson.Operate(s.put),
	}}
}

// find finds a secret by its name, its ARN, or its ARN without the six characters that Secrets Manager puts at the end.
func (s *Store) find(id string) (*secret, error) {
	if found := s.secrets[id]; found != nil {
		return found, nil
	}
	for _, one := range s.secrets {
		if one.arn == id || one.arn[:strings.LastIndexByte(one.arn, '-')] == id {
			return one, nil
		}
	}
	return nil, awsjson.Fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

type getRequest struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}

type getAnswer struct {
	ARN, Name     string
	CreatedDate   awsjson.Time
	SecretString  *string `json:",omitempty"`
	SecretBinary  string  `json:",omitempty"`
	VersionID     string  `json:"VersionId"`
	VersionStages []string
}

func (s *Store) get(_ context.Context, in getRequest) (getAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretID)
	if err != nil {
		return getAnswer{}, err
	}
	id := in.VersionID
	if id == "" {
		if in.VersionStage == "" {
			in.VersionStage = current
		}
		id = found.stages[in.VersionStage]
	}
	v := found.versions[id]
	switch {
	case v == nil && in.VersionID == "":
		return getAnswer{}, awsjson.Fail("ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: %s", in.VersionStage)
	case v == nil:
		return getAnswer{}, awsjson.Fail("ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for VersionId: %s", in.VersionID)
	case in.VersionStage != "" && found.stages[in.VersionStage] != id:
		return getAnswer{}, awsjson.Fail("InvalidRequestException",
			"You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return getAnswer{
		ARN: found.arn, Name: found.name, CreatedDate: awsjson.Time(v.made), SecretString: v.value.text, SecretBinary: v.value.bytes,
		VersionID: id, VersionStages: found.stagesOf(id),
	}, nil
}

func (s *secret) stagesOf(id string) []string {
	var stages []string
	for _, stage := range slices.Sorted(maps.Keys(s.stages)) {
		if s.stages[stage] == id {
			stages = append(stages, stage)
		}
	}
	return stages
}

type putRequest struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken string
	SecretString       *string
	SecretBinary       string
	VersionStages      []string
}

type putAnswer struct {
	ARN, Name     string
	VersionID     string `json:"VersionId"`
	VersionStages []string
}

func (s *Store) put(_ context.Context, in putRequest) (putAnswer, error) {
	if err := in.check(); err != nil {
		return putAnswer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretID)
	if err != nil {
		return putAnswer{}, err
	}
	id := in.ClientRequestToken
	if id == "" {
		id = function.NewRequestID()
	}
	given := value{in.SecretString, in.SecretBinary}
	switch v := found.versions[id]; {
	case v == nil:
		found.add(id, given, in.VersionStages)
	case !v.value.equal(given):
		return putAnswer{}, awsjson.Fail("ResourceExistsException",
			"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, found.arn)
	}
	return putAnswer{ARN: found.arn, Name: found.name, VersionID: id, VersionStages: found.stagesOf(id)}, nil
}

func (in putRequest) check() error {
	if (in.SecretString == nil) == (in.SecretBinary == "") {
		return awsjson.Fail("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}
	data, err := base64.StdEncoding.DecodeString(in.SecretBinary)
	if err != nil {
		return awsjson.Fail("SerializationException", "SecretBinary: %v", err)
	}
	size := len(data)
	if in.SecretString != nil {
		size = len(*in.SecretString)
	}
	if size > sizeLimit {
		return awsjson.Fail("ValidationException", "a value of %d bytes is longer than %d", size, sizeLimit)
	}
	if token := len(in.ClientRequestToken); token > 0 && (token < 32 || token > 64) {
		return awsjson.Fail("ValidationException", "ClientRequestToken must have 32 to 64 characters")
	}
	return nil
}

// add adds a version and moves labels to it. If it becomes the current one, the one before becomes the previous one.
func (s *secret) add(id string, v value, stages []string) {
	if len(stages) == 0 {
		stages = []string{current}
	}
	s.changed = time.Now()
	s.versions[id] = &version{v, s.changed}
	before, had := s.stages[current]
	if had && slices.Contains(stages, current) {
		s.stages[previous] = before
	}
	for _, stage := range stages {
		s.stages[stage] = id
	}
}

type describeRequest struct {
	SecretID string `json:"SecretId"`
}

type describeAnswer struct {
	ARN, Name                    string
	CreatedDate, LastChangedDate awsjson.Time
	VersionIDsToStages           map[string][]string `json:"VersionIdsToStages"`
}

func (s *Store) describe(_ context.Context, in describeRequest) (describeAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretID)
	if err != nil {
		return describeAnswer{}, err
	}
	versions := map[string][]string{}
	for id := range found.versions {
		if stages := found.stagesOf(id); len(stages) > 0 { // one without a label is deprecated, and not listed
			versions[id] = stages
		}
	}
	return describeAnswer{found.arn, found.name, awsjson.Time(found.made), awsjson.Time(found.changed), versions}, nil
}

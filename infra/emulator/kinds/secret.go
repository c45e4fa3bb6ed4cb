package kinds

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"drawdown/infra/emulator/secrets"
	"drawdown/infra/emulator/template"
)

// Properties without effect on a secret in memory: labels, encryption, and copies in other regions.
var inertOfSecrets = []string{"Description", "KmsKeyId", "ReplicaRegions", "Tags", "Type"}

type secretProperties struct {
	Name                 string
	SecretString         *string
	GenerateSecretString *struct {
		PasswordLength          *template.Int
		ExcludeCharacters       string
		ExcludeLowercase        template.Bool
		ExcludeNumbers          template.Bool
		ExcludePunctuation      template.Bool
		ExcludeUppercase        template.Bool
		IncludeSpace            template.Bool
		RequireEachIncludedType *template.Bool
		SecretStringTemplate    string
		GenerateStringKey       string
	}
}

// Secrets are the secrets of Secrets Manager.
type Secrets struct {
	*secrets.Store
	plain
	host    *Host
	given   map[string]string // values by logical id, construct name or name
	secrets map[string]secret // by logical id
}

type secret struct{ name, arn string }

// check reports given values that belong to no secret of the template.
func (k *Secrets) check() error {
	for _, key := range slices.Sorted(maps.Keys(k.given)) {
		if k.ARN(key) == "" {
			return fmt.Errorf("the template has no secret %q to give a value to", key)
		}
	}
	return nil
}

// Prepare implements Kind.
func (k *Secrets) Prepare(r template.Resource) error {
	var properties secretProperties
	if err := k.host.Decode(r, inertOfSecrets, &properties); err != nil {
		return err
	}
	name, err := k.host.name(r, "Name")
	if err != nil {
		return err
	}
	arn := secretARN(r, name)
	if !k.Create(name, arn) {
		return r.Errorf("Name", "another secret is named %q", name)
	}
	k.secrets[r.LogicalID] = secret{name, arn}
	value, err := properties.value()
	if err != nil {
		return r.Errorf("GenerateSecretString", "%w", err)
	}
	for key, given := range k.given {
		if key == name || isConstruct(r.LogicalID, key) {
			value = &given
		}
	}
	if value == nil {
		return nil // until somebody puts one
	}
	if err := k.Put(name, *value); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	return nil
}

// value is the first value of a secret; nil if it has none.
func (s secretProperties) value() (*string, error) {
	generate := s.GenerateSecretString
	if generate == nil {
		return s.SecretString, nil
	}
	if s.SecretString != nil {
		return nil, fmt.Errorf("a secret is given by SecretString or generated, not both")
	}
	password, err := secrets.Password{
		Length:             valueOr(generate.PasswordLength, secrets.DefaultLength),
		ExcludeUppercase:   bool(generate.ExcludeUppercase),
		ExcludeLowercase:   bool(generate.ExcludeLowercase),
		ExcludeNumbers:     bool(generate.ExcludeNumbers),
		ExcludePunctuation: bool(generate.ExcludePunctuation),
		ExcludeCharacters:  generate.ExcludeCharacters,
		IncludeSpace:       bool(generate.IncludeSpace),
		RequireEach:        generate.RequireEachIncludedType == nil || bool(*generate.RequireEachIncludedType),
	}.Make()
	if err != nil || generate.SecretStringTemplate == "" && generate.GenerateStringKey == "" {
		return &password, err
	}
	if generate.SecretStringTemplate == "" || generate.GenerateStringKey == "" {
		return nil, fmt.Errorf("SecretStringTemplate and GenerateStringKey belong together")
	}
	members := map[string]any{}
	if err := json.Unmarshal([]byte(generate.SecretStringTemplate), &members); err != nil {
		return nil, fmt.Errorf("SecretStringTemplate: %w", err)
	}
	members[generate.GenerateStringKey] = password
	data, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	value := string(data)
	return &value, nil
}

// ARN is the ARN of the secret with this logical id, construct name or name, or empty if there is none.
func (k *Secrets) ARN(logical string) string {
	for id, one := range k.secrets {
		if isConstruct(id, logical) || one.name == logical {
			return one.arn
		}
	}
	return ""
}

// secretARN returns the name with six characters appended, so that a secret that is created again has another ARN.
func secretARN(r template.Resource, name string) string {
	return arn("secretsmanager", "secret:"+name+"-"+digest(r)[:6])
}

// Ref implements Kind.
func (k *Secrets) Ref(r template.Resource) (string, error) {
	name, err := k.host.name(r, "Name")
	return secretARN(r, name), err
}

// Attribute implements Kind.
func (k *Secrets) Attribute(r template.Resource, name string) (string, error) {
	if name != "Id" {
		return "", unknownAttribute(r, name)
	}
	return k.Ref(r)
}

package kinds

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"drawdown/infra/emulator/template"
)

// physicalName returns the name of a resource that is given none.
func (h *Host) physicalName(r template.Resource) string { return h.StackName + "-" + r.LogicalID }

// name is the name that a resource is given by its property, or else its physical name.
func (h *Host) name(r template.Resource, property string) (string, error) {
	value, ok := r.Properties[property]
	if !ok {
		return h.physicalName(r), nil
	}
	name, err := h.EvaluateString(value)
	if err != nil {
		return "", r.Errorf(property, "%w", err)
	}
	return name, nil
}

func arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", template.Partition, service, template.Region, template.AccountID, resource)
}

// shortID returns an id like those that services generate, the same for a
// resource in every run.
func shortID(r template.Resource) string { return digest(r)[:10] }

func digest(r template.Resource) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(r.LogicalID))) }

// ofConstruct finds what belongs to the resource with this logical id or construct name.
func ofConstruct[T any](byLogicalID map[string]T, logical string) (found T, ok bool) {
	for id, one := range byLogicalID {
		if isConstruct(id, logical) {
			return one, true
		}
	}
	return found, false
}

// hashLength is the length of what CDK appends to a construct's name.
const hashLength = 8

// isConstruct reports whether a logical id is what CDK makes of a construct's name: the name, or the name and a hash.
func isConstruct(logicalID, name string) bool {
	hash, ok := strings.CutPrefix(logicalID, name)
	return ok && (hash == "" || len(hash) == hashLength && strings.Trim(hash, "0123456789ABCDEF") == "")
}

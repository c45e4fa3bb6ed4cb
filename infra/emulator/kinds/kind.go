// Package kinds runs the resources of a template. A kind is a value of the interface Kind, in a file of its own, and
// stands once in the list that New works through. It is given the Host and those kinds that it builds on, which stand
// before it in the list; none refers to a kind that comes after it, nor to the platform.
//
// Kinds know CloudFormation: properties, limits, references. What a service does at run time, and its API, is in the
// service's own package.
package kinds

import (
	"fmt"

	"drawdown/infra/emulator/template"
)

// Kind runs the resources of some types, one after the other by logical id.
type Kind interface {
	// Prepare checks a resource as far as possible without the others, and takes little time.
	Prepare(r template.Resource) error
	// Run starts a resource. Those of the kinds before it in the list already work.
	Run(r template.Resource) error
	// Ref returns the value of Ref.
	Ref(r template.Resource) (string, error)
	// Attribute returns the value of Fn::GetAtt.
	Attribute(r template.Resource, name string) (string, error)
}

// Host is what a kind may use of the platform.
type Host struct {
	*template.Stack
	Dir        string // a private folder, removed when the platform stops
	URLs       URLs
	Deliveries Deliveries
	Log        func(name, line string) // receives the lines of a function, or of another resource by its logical id
}

// URLs are where the platform listens, each without a trailing slash.
type URLs struct {
	API      string // of the template
	Invoke   string // of Lambda
	S3       string
	Services string // those that speak JSON
}

// plain implements the part of Kind that many kinds leave out: a resource that is ready and works by itself, with its
// logical id for a name and no attributes.
type plain struct{}

func (plain) Prepare(template.Resource) error { return nil }

func (plain) Run(template.Resource) error { return nil }

func (plain) Ref(r template.Resource) (string, error) { return r.LogicalID, nil }

func (plain) Attribute(r template.Resource, name string) (string, error) {
	return "", unknownAttribute(r, name)
}

func unknownAttribute(r template.Resource, name string) error {
	return fmt.Errorf("%s: the attribute %q is not known", r, name)
}

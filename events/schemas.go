package events

import (
	"embed"
	"fmt"
)

//go:embed schemas/*.json
var schemas embed.FS

// Schema is the JSON Schema (2020-12) of a message. It fails if there is none.
func Schema(t Type) ([]byte, error) {
	schema, err := schemas.ReadFile(fmt.Sprintf("schemas/%s.v%d.json", t, Version))
	if err != nil {
		return nil, fmt.Errorf("events: no schema for %q: %w", t, err)
	}
	return schema, nil
}

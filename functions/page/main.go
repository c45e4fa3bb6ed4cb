// Command page serves the Usage page, which shows the owner of an account its
// balance and usage. `make page` builds the page, which is embedded in this binary;
// it gets all its data from the API, with the token of its session.
package main

import (
	"embed"

	"drawdown/shared/lambdaio"
)

// The page's API types are generated from the OpenAPI document.
//go:generate web/node_modules/.bin/openapi-typescript ../../shared/httpapi/openapi.yaml --default-non-nullable false --output web/src/openapi.d.ts

//go:embed all:dist
var dist embed.FS

func main() {
	lambdaio.Serve(func() (lambdaio.Handler, error) {
		page, err := open(dist)
		if err != nil {
			return nil, err
		}
		return page.server(), nil
	})
}

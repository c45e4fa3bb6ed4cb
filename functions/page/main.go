// Command page serves the Usage page, which shows the owner of an account what
// there is and what was used. The page is made by `make page` and lies in this
// binary; all it shows it gets from the API, with the token of its session.
package main

import (
	"embed"

	"drawdown/shared/lambdaio"
)

// The page's types of the API are those of the API's own document.
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

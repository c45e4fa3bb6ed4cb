package kinds

import (
	"fmt"
	"strings"

	"drawdown/infra/emulator/template"
)

// Properties without effect on a route at hand: labels.
var inertOfRoutes = []string{"OperationName"}

type routeProperties struct {
	ApiId             string //nolint:revive // as CloudFormation spells it
	RouteKey          string
	Target            string
	AuthorizationType string
}

// routes are the routes of an HTTP API.
type routes struct {
	plain
	host         *Host
	api          *api
	integrations *integrations
}

func (k *routes) Run(r template.Resource) error {
	var properties routeProperties
	if err := k.host.Decode(r, inertOfRoutes, &properties); err != nil {
		return err
	}
	if kind := properties.AuthorizationType; kind != "" && kind != "NONE" {
		return r.Errorf("AuthorizationType", "%q is not understood", kind)
	}
	if err := k.api.checkID(r, properties.ApiId); err != nil {
		return err
	}
	id, ok := strings.CutPrefix(properties.Target, "integrations/")
	if !ok {
		return r.Errorf("Target", "an integration is expected, not %q", properties.Target)
	}
	integration, ok := k.integrations.built[id]
	if !ok {
		return fmt.Errorf("the template has no integration %q", id)
	}
	if err := k.api.gateway.Route(properties.RouteKey, integration); err != nil {
		return r.Errorf("RouteKey", "%w", err)
	}
	return nil
}

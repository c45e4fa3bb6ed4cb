package kinds

import (
	"fmt"

	"drawdown/infra/emulator/gateway"
	"drawdown/infra/emulator/template"
)

// Properties without effect on an API at a local address: labels, and what concerns the making of the resource or its public
// address.
var inertOfAPIs = []string{"Description", "DisableExecuteApiEndpoint", "FailOnWarnings", "IpAddressType", "Name", "Tags", "Version"}

// api is the HTTP API of the template. There can be only one, since there is one
// port.
type api struct {
	plain
	host     *Host
	resource template.Resource
	gateway  *gateway.API // nil until there is one
	deployed bool         // it has a stage that serves it
}

func (k *api) Prepare(r template.Resource) error {
	var properties struct{ ProtocolType, RouteSelectionExpression string }
	if err := k.host.Decode(r, inertOfAPIs, &properties); err != nil {
		return err
	}
	switch expression := properties.RouteSelectionExpression; {
	case properties.ProtocolType != "HTTP":
		return r.Errorf("ProtocolType", "HTTP is expected, not %q", properties.ProtocolType)
	case expression != "" && expression != "$request.method $request.path":
		return r.Errorf("RouteSelectionExpression", "%q is not understood", expression)
	case k.gateway != nil:
		return fmt.Errorf("%s: a second API: %s is the first, and there is one port", r, k.resource)
	}
	k.resource, k.gateway = r, &gateway.API{ID: shortID(r), AccountID: template.AccountID}
	return nil
}

// check finds an API that would never be served.
func (k *api) check() error {
	if k.gateway != nil && !k.deployed {
		return fmt.Errorf("%s: it has no stage, so that nothing would be served", k.resource)
	}
	return nil
}

// checkID checks that the given id is that of the API.
func (k *api) checkID(r template.Resource, id string) error {
	if k.gateway == nil || k.gateway.ID != id {
		return r.Errorf("ApiId", "%q is no API of the template", id)
	}
	return nil
}

func (*api) Ref(r template.Resource) (string, error) { return shortID(r), nil }

func (k *api) Attribute(r template.Resource, name string) (string, error) {
	switch name {
	case "ApiEndpoint":
		return k.host.URLs.API, nil
	case "ApiId":
		return shortID(r), nil
	}
	return "", unknownAttribute(r, name)
}

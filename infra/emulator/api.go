package emulator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"drawdown/infra/emulator/gateway"
	"drawdown/infra/emulator/template"
)

// What has no bearing on an API at a local address: labels, logs, throttling, and what concerns the making of the
// resource or its public address.
var (
	inertOfAPIs         = []string{"Description", "DisableExecuteApiEndpoint", "FailOnWarnings", "IpAddressType", "Name", "Tags", "Version"}
	inertOfRoutes       = []string{"OperationName"}
	inertOfIntegrations = []string{"Description", "IntegrationMethod"}
	inertOfStages       = []string{"AccessLogSettings", "DefaultRouteSettings", "Description", "RouteSettings", "Tags"}
)

type apiProperties struct {
	ProtocolType             string
	RouteSelectionExpression string
}

type routeProperties struct {
	ApiId             string //nolint:revive // as CloudFormation spells it
	RouteKey          string
	Target            string
	AuthorizationType string
}

type integrationProperties struct {
	ApiId                string //nolint:revive // as CloudFormation spells it
	IntegrationType      string
	IntegrationUri       string //nolint:revive // as CloudFormation spells it
	PayloadFormatVersion string
	ConnectionType       string
	TimeoutInMillis      template.Int
}

type stageProperties struct {
	ApiId          string //nolint:revive // as CloudFormation spells it
	StageName      string
	AutoDeploy     template.Bool
	StageVariables template.Strings
}

// httpAPI is the HTTP API of the template.
type httpAPI struct {
	resource template.Resource
	gateway  *gateway.API
	deployed bool // it has a stage that serves it
}

func buildAPI(p *Platform, r template.Resource) error {
	var properties apiProperties
	if err := p.stack.Decode(r, inertOfAPIs, &properties); err != nil {
		return err
	}
	switch expression := properties.RouteSelectionExpression; {
	case properties.ProtocolType != "HTTP":
		return r.Errorf("ProtocolType", "HTTP is expected, not %q", properties.ProtocolType)
	case expression != "" && expression != "$request.method $request.path":
		return r.Errorf("RouteSelectionExpression", "%q is not understood", expression)
	case p.api != nil:
		return fmt.Errorf("%s: a second API: %s is the first, and there is one port", r, p.api.resource)
	}
	p.api = &httpAPI{resource: r, gateway: &gateway.API{ID: shortID(r), AccountID: template.AccountID}}
	return nil
}

func buildRoute(p *Platform, r template.Resource) error {
	var properties routeProperties
	if err := p.stack.Decode(r, inertOfRoutes, &properties); err != nil {
		return err
	}
	if kind := properties.AuthorizationType; kind != "" && kind != "NONE" {
		return r.Errorf("AuthorizationType", "%q is not understood", kind)
	}
	if err := p.checkAPIID(r, properties.ApiId); err != nil {
		return err
	}
	id, ok := strings.CutPrefix(properties.Target, "integrations/")
	if !ok {
		return r.Errorf("Target", "an integration is expected, not %q", properties.Target)
	}
	integration, err := p.integration(id)
	if err != nil {
		return err
	}
	if err := p.api.gateway.Route(properties.RouteKey, integration); err != nil {
		return r.Errorf("RouteKey", "%w", err)
	}
	return nil
}

// checkIntegration reads an integration even if no route leads to it.
func checkIntegration(p *Platform, r template.Resource) error {
	_, err := p.readIntegration(r)
	return err
}

// integration reads the integration with this logical id.
func (p *Platform) integration(id string) (gateway.Integration, error) {
	for _, r := range p.stack.Resources() {
		if r.LogicalID == id && r.Type == "AWS::ApiGatewayV2::Integration" {
			return p.readIntegration(r)
		}
	}
	return gateway.Integration{}, fmt.Errorf("the template has no integration %q", id)
}

func (p *Platform) readIntegration(r template.Resource) (gateway.Integration, error) {
	var properties integrationProperties
	if err := p.stack.Decode(r, inertOfIntegrations, &properties); err != nil {
		return gateway.Integration{}, err
	}
	if err := p.checkAPIID(r, properties.ApiId); err != nil {
		return gateway.Integration{}, err
	}
	if err := properties.check(r); err != nil {
		return gateway.Integration{}, err
	}
	timeout := gateway.TimeoutLimit
	if properties.TimeoutInMillis > 0 {
		timeout = min(timeout, time.Duration(properties.TimeoutInMillis)*time.Millisecond)
	}
	f, err := p.integrated(properties.IntegrationUri)
	if err != nil {
		return gateway.Integration{}, r.Errorf("IntegrationUri", "%w", err)
	}
	return gateway.Integration{Invoke: f.Invoke, Timeout: timeout}, nil
}

func (i integrationProperties) check(r template.Resource) error {
	switch {
	case i.IntegrationType != "AWS_PROXY":
		return r.Errorf("IntegrationType", "AWS_PROXY is expected, not %q", i.IntegrationType)
	case i.PayloadFormatVersion != "2.0":
		return r.Errorf("PayloadFormatVersion", "2.0 is expected, not %q", i.PayloadFormatVersion)
	case i.ConnectionType != "" && i.ConnectionType != "INTERNET":
		return r.Errorf("ConnectionType", "INTERNET is expected, not %q", i.ConnectionType)
	}
	return nil
}

// integrated is the function that an integration names: by its ARN, or by the path of the Lambda API that invokes it.
func (p *Platform) integrated(uri string) (*deployedFunction, error) {
	if _, path, ok := strings.Cut(uri, "/functions/"); ok {
		uri = strings.TrimSuffix(path, "/invocations")
	}
	return p.invokable(uri)
}

// invokable is the function with this ARN or name.
func (p *Platform) invokable(function string) (*deployedFunction, error) {
	for _, f := range p.functions {
		if f.Function != nil && (f.ARN() == function || f.Name() == function) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%q is no function of the template", function)
}

func buildStage(p *Platform, r template.Resource) error {
	var properties stageProperties
	if err := p.stack.Decode(r, inertOfStages, &properties); err != nil {
		return err
	}
	if err := p.checkAPIID(r, properties.ApiId); err != nil {
		return err
	}
	if properties.StageName != "$default" {
		return r.Errorf("StageName", "$default is expected, not %q", properties.StageName)
	}
	if !properties.AutoDeploy {
		return r.Errorf("AutoDeploy", "true is expected, since deployments are not run")
	}
	p.api.gateway.StageVariables = properties.StageVariables
	p.api.deployed = true
	return nil
}

func (p *Platform) checkAPIID(r template.Resource, id string) error {
	if p.api == nil || p.api.gateway.ID != id {
		return r.Errorf("ApiId", "%q is no API of the template", id)
	}
	return nil
}

func (p *Platform) checkAPI() error {
	if p.api != nil && !p.api.deployed {
		return errors.New(p.api.resource.String() + ": it has no stage, so that nothing would be served")
	}
	return nil
}

func apiID(_ *Platform, r template.Resource) (any, error) { return shortID(r), nil }

func stageName(p *Platform, r template.Resource) (any, error) {
	return p.stack.EvaluateString(r.Properties["StageName"])
}

func apiAttribute(p *Platform, r template.Resource, name string) (any, error) {
	switch name {
	case "ApiEndpoint":
		return p.URL(), nil
	case "ApiId":
		return shortID(r), nil
	}
	return nil, unknownAttribute(r, name)
}

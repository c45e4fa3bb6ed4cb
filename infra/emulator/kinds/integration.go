package kinds

import (
	"strings"
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/gateway"
	"drawdown/infra/emulator/template"
)

// Properties without effect on an integration at hand: labels, and the method by which API Gateway calls Lambda.
var inertOfIntegrations = []string{"Description", "IntegrationMethod"}

type integrationProperties struct {
	ApiId                string //nolint:revive // as CloudFormation spells it
	IntegrationType      string
	IntegrationUri       string //nolint:revive // as CloudFormation spells it
	PayloadFormatVersion string
	ConnectionType       string
	TimeoutInMillis      template.Int
}

// integrations lead from an HTTP API to functions.
type integrations struct {
	plain
	host      *Host
	api       *api
	functions *Functions
	built     map[string]gateway.Integration // by logical id
}

func (k *integrations) Run(r template.Resource) error {
	var properties integrationProperties
	if err := k.host.Decode(r, inertOfIntegrations, &properties); err != nil {
		return err
	}
	if err := k.api.checkID(r, properties.ApiId); err != nil {
		return err
	}
	if err := properties.check(r); err != nil {
		return err
	}
	timeout := gateway.TimeoutLimit
	if properties.TimeoutInMillis > 0 {
		timeout = min(timeout, time.Duration(properties.TimeoutInMillis)*time.Millisecond)
	}
	f, err := k.function(properties.IntegrationUri)
	if err != nil {
		return r.Errorf("IntegrationUri", "%w", err)
	}
	k.built[r.LogicalID] = gateway.Integration{Invoke: f.Invoke, Timeout: timeout}
	return nil
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

// function is the function that an integration names: by its ARN, or by the path of the Lambda API that invokes it.
func (k *integrations) function(uri string) (*function.Function, error) {
	if _, path, ok := strings.Cut(uri, "/functions/"); ok {
		uri = strings.TrimSuffix(path, "/invocations")
	}
	return k.functions.invokable(uri)
}

package kinds

import (
	"drawdown/infra/emulator/template"
)

// Properties without effect on a stage at hand: labels, logs and throttling.
var inertOfStages = []string{"AccessLogSettings", "DefaultRouteSettings", "Description", "RouteSettings", "Tags"}

type stageProperties struct {
	ApiId          string //nolint:revive // as CloudFormation spells it
	StageName      string
	AutoDeploy     template.Bool
	StageVariables template.Strings
}

// stages serve an HTTP API.
type stages struct {
	plain
	host *Host
	api  *api
}

func (k *stages) Run(r template.Resource) error {
	var properties stageProperties
	if err := k.host.Decode(r, inertOfStages, &properties); err != nil {
		return err
	}
	if err := k.api.checkID(r, properties.ApiId); err != nil {
		return err
	}
	if properties.StageName != "$default" {
		return r.Errorf("StageName", "$default is expected, not %q", properties.StageName)
	}
	if !properties.AutoDeploy {
		return r.Errorf("AutoDeploy", "true is expected, since deployments are not run")
	}
	k.api.gateway.StageVariables, k.api.deployed = properties.StageVariables, true
	return nil
}

func (k *stages) Ref(r template.Resource) (string, error) {
	return k.host.EvaluateString(r.Properties["StageName"])
}

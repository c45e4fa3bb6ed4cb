package stack

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/httpapi"
)

// The limits of the whole HTTP API, above which it answers 429: requests a second,
// and the size of a burst. Callers with more traffic batch their debits.
const (
	throttleRate  = 2000
	throttleBurst = 2000
)

// accessLogFields are the fields of an access log line. They include no header and
// no query string, so that no key and no session token can reach the log.
func accessLogFields() map[string]string {
	return map[string]string{
		"request_id":         "$context.requestId",
		"time":               "$context.requestTime",
		"method":             "$context.httpMethod",
		"path":               "$context.path",
		"route":              "$context.routeKey",
		"status":             "$context.status",
		"response_bytes":     "$context.responseLength",
		"latency_ms":         "$context.responseLatency",
		"integration_ms":     "$context.integrationLatency",
		"integration_status": "$context.integrationStatus",
		"integration_error":  "$context.integrationErrorMessage",
		"error":              "$context.error.message",
		"source_ip":          "$context.identity.sourceIp",
		"user_agent":         "$context.identity.userAgent",
	}
}

// addHTTPAPI adds the HTTP API from the route table: one integration for each
// function, one route for each row. No route has an authorizer: the function checks
// the caller's key itself, so that a refusal is a problem document and a revoked key
// is refused within seconds.
func (p *platform) addHTTPAPI(routes []httpapi.Route) error {
	p.api = awsapigatewayv2.NewCfnApi(p.Stack, jsii.String("HttpApi"), &awsapigatewayv2.CfnApiProps{
		Name:         jsii.String("drawdown"),
		Description:  jsii.String("Drawdown, version 1"),
		ProtocolType: jsii.String("HTTP"),
	})
	targets := map[string]*string{}
	for _, route := range routes {
		function, ok := p.functions[route.Function]
		if !ok {
			return errNoFunction(route)
		}
		if targets[route.Function] == nil {
			targets[route.Function] = p.addIntegration(route.Function, function)
		}
		awsapigatewayv2.NewCfnRoute(p.Stack, jsii.String("Route "+route.Key()), &awsapigatewayv2.CfnRouteProps{
			ApiId:             p.api.Ref(),
			RouteKey:          jsii.String(route.Key()),
			AuthorizationType: jsii.String("NONE"),
			Target:            targets[route.Function],
		})
	}
	return p.addDefaultStage()
}

// addIntegration connects the API to a function, allows this API alone to call
// it, and returns the target for routes.
func (p *platform) addIntegration(name string, function awslambda.Function) *string {
	id := constructID(name)
	integration := awsapigatewayv2.NewCfnIntegration(p.Stack, jsii.String(id+"Integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId:                p.api.Ref(),
		IntegrationType:      jsii.String("AWS_PROXY"),
		IntegrationUri:       function.FunctionArn(),
		PayloadFormatVersion: jsii.String("2.0"),
	})
	awslambda.NewCfnPermission(p.Stack, jsii.String(id+"Permission"), &awslambda.CfnPermissionProps{
		Action:       jsii.String("lambda:InvokeFunction"),
		FunctionName: function.FunctionArn(),
		Principal:    jsii.String("apigateway.amazonaws.com"),
		SourceArn: p.FormatArn(&awscdk.ArnComponents{
			Service:      jsii.String("execute-api"),
			Resource:     p.api.Ref(),
			ResourceName: jsii.String("*"),
		}),
	})
	return awscdk.Fn_Join(jsii.String("/"), &[]*string{jsii.String("integrations"), integration.Ref()})
}

func (p *platform) addDefaultStage() error {
	format, err := json.Marshal(accessLogFields())
	if err != nil {
		return fmt.Errorf("access log format: %w", err)
	}
	accessLog := p.newLogGroup("AccessLog", "/aws/vendedlogs/drawdown/access")
	awsapigatewayv2.NewCfnStage(p.Stack, jsii.String("DefaultStage"), &awsapigatewayv2.CfnStageProps{
		ApiId:      p.api.Ref(),
		StageName:  jsii.String("$default"),
		AutoDeploy: jsii.Bool(true),
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: accessLog.LogGroupArn(),
			Format:         jsii.String(string(format)),
		},
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			DetailedMetricsEnabled: jsii.Bool(true),
			ThrottlingBurstLimit:   jsii.Number(throttleBurst),
			ThrottlingRateLimit:    jsii.Number(throttleRate),
		},
	})
	return nil
}

package stack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// permission is one action that a role is allowed, on the resource with this
// logical id ("" if the statement names none of the stack) or on its index.
type permission struct {
	action    string
	resource  string
	index     string
	statement string // as JSON, for messages and conditions
}

// permissions lists what a role is allowed by the policies attached to it.
func (tpl template) permissions(t *testing.T, roleID string) []permission {
	t.Helper()
	var found []permission
	for _, r := range tpl.ofType(t, "AWS::IAM::Policy") {
		if !slices.ContainsFunc(list(r.Properties["Roles"]), func(role any) bool { return target(role) == roleID }) {
			continue
		}
		for _, statement := range list(at(r.Properties, "PolicyDocument", "Statement")) {
			text, err := json.Marshal(statement)
			if err != nil {
				t.Fatal(err)
			}
			for _, action := range list(at(statement, "Action")) {
				for _, res := range list(at(statement, "Resource")) {
					id, index := resourceOf(res)
					found = append(found, permission{fmt.Sprint(action), id, index, string(text)})
				}
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("role %s is allowed nothing", roleID)
	}
	return found
}

// bucketOfFailures reports whether the permission is on the one bucket, or on what is in it.
func (p permission) bucketOfFailures(tpl template) bool {
	return tpl.Resources[p.resource].Type == "AWS::S3::Bucket" && (p.index == "" || p.index == "/*")
}

// resourceOf reads a statement's resource: the ARN of a resource of the stack,
// or that of a table joined with /index/<name>.
func resourceOf(value any) (id, index string) {
	if id := target(value); id != "" {
		return id, ""
	}
	if join := list(at(value, "Fn::Join")); len(join) == 2 {
		if parts := list(join[1]); len(parts) == 2 {
			suffix, _ := parts[1].(string)
			return target(parts[0]), strings.TrimPrefix(suffix, "/index/")
		}
	}
	return "", ""
}

// excesses returns what a function's role may do that no function ever should.
func (tpl template) excesses(t *testing.T, name string) []string {
	t.Helper()
	_, function := tpl.function(t, name)
	roleID := target(function.Properties["Role"])
	role := tpl.Resources[roleID]
	var found []string
	if role.Properties["ManagedPolicyArns"] != nil || role.Properties["Policies"] != nil {
		found = append(found, "a managed or inline policy, which this test does not read")
	}
	for _, p := range tpl.permissions(t, roleID) {
		service, verb, _ := strings.Cut(p.action, ":")
		ledger := strings.HasPrefix(p.resource, dynamo.LedgerTable.Name+"Table")
		// Usage can be made anew from the ledger, and an account leaves the list of
		// quarantines; an operator may take back an endpoint.
		mayDelete := name == FunctionRollup && !ledger && !strings.HasPrefix(p.resource, dynamo.WalletsTable.Name+"Table") ||
			name == httpapi.FunctionManage && strings.Contains(p.statement, `"dynamodb:LeadingKeys":["`+dynamo.EndpointPK+`*"]`) ||
			name == FunctionPurchase && p.action == "sqs:DeleteMessage" // as Lambda does with what was settled
		switch {
		case service == "s3" && p.bucketOfFailures(tpl) && !strings.Contains(p.action, "*"):
		case p.action == "secretsmanager:GetSecretValue" && tpl.Resources[p.resource].Type == "AWS::SecretsManager::Secret":
		case strings.Contains(p.action, "*"):
			found = append(found, "a wildcard action: "+p.statement)
		case p.resource == "" || strings.Contains(p.index, "*"):
			found = append(found, "a resource that is none of the stack: "+p.statement)
		case strings.HasPrefix(verb, "Delete") && !mayDelete || verb == "BatchWriteItem" || strings.HasPrefix(verb, "PartiQL"):
			found = append(found, "deletes: "+p.statement)
		case verb == "Scan":
			found = append(found, "scans: "+p.statement)
		case ledger && verb == "UpdateItem":
			found = append(found, "updates entries of the ledger: "+p.statement)
		case service == "kms" && !strings.Contains(p.statement, `"kms:ViaService":{"Fn::Sub":"dynamodb.`):
			found = append(found, "uses the key otherwise than through DynamoDB: "+p.statement)
		case p.action == "events:PutEvents" && tpl.Resources[p.resource].Type == "AWS::Events::EventBus":
		case p.action == "sqs:SendMessage" && tpl.isDead(p.resource):
		case service == "sqs" && name == FunctionPurchase && strings.HasPrefix(p.resource, "Purchases") && !tpl.isDead(p.resource) && verb != "SendMessage":
		case !slices.Contains([]string{"dynamodb", "kms", "logs"}, service):
			found = append(found, "an unexpected service: "+p.statement)
		}
	}
	return found
}

func TestRolesHaveNoExcesses(t *testing.T) {
	for _, stackName := range []string{prod, dev, alarmed} {
		tpl := readTemplate(t, stackName)
		for _, name := range allFunctions(t) {
			for _, excess := range tpl.excesses(t, name) {
				t.Errorf("%s: the role of %s has %s", stackName, name, excess)
			}
		}
	}
}

// The check above is worth nothing if it cannot fail.
func TestExcessesAreFound(t *testing.T) {
	for action, resource := range map[string]any{
		"dynamodb:DeleteItem":     "LedgerTable",
		"dynamodb:UpdateItem":     "LedgerTable",
		"dynamodb:Scan":           "AccountsTable",
		"dynamodb:BatchWriteItem": "WalletsTable",
		"dynamodb:*":              "WalletsTable",
		"dynamodb:GetItem":        "*",
		"kms:Decrypt":             "DataKey",
		"s3:GetObject":            "WalletsTable",

		"secretsmanager:PutSecretValue": "SessionKey",

		"events:PutEvents":   "*",
		"events:PutRule":     "Bus",
		"sqs:SendMessage":    "Purchases",
		"sqs:ReceiveMessage": "Purchases",
	} {
		tpl := readTemplate(t, prod)
		_, function := tpl.function(t, httpapi.FunctionDebit)
		granted := resource
		for id := range tpl.Resources {
			if strings.HasPrefix(id, fmt.Sprint(resource)) {
				granted = map[string]any{"Fn::GetAtt": []any{id, "Arn"}}
			}
		}
		tpl.Resources["Added"] = addedPolicy(function.Properties["Role"], action, granted)
		if len(tpl.excesses(t, httpapi.FunctionDebit)) == 0 {
			t.Errorf("%s on %v went unnoticed", action, resource)
		}
	}
}

func addedPolicy(role any, action string, granted any) resource {
	return resource{Type: "AWS::IAM::Policy", Properties: map[string]any{
		"Roles":          []any{map[string]any{"Ref": target(role)}},
		"PolicyDocument": map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Action": action, "Resource": granted}}},
	}}
}

// What the design promises of each role, checked in the template.
func TestWhoWritesWhat(t *testing.T) {
	tpl := readTemplate(t, prod)
	writers := map[string][]string{}
	for _, name := range allFunctions(t) {
		_, function := tpl.function(t, name)
		for _, p := range tpl.permissions(t, target(function.Properties["Role"])) {
			if strings.HasSuffix(p.action, ":PutItem") || strings.HasSuffix(p.action, ":UpdateItem") || strings.HasSuffix(p.action, ":DeleteItem") {
				key := fmt.Sprintf("%s %s", strings.TrimPrefix(p.action, "dynamodb:"), strings.Split(p.resource, "Table")[0])
				writers[key] = append(writers[key], name)
			}
		}
	}
	commanding := []string{httpapi.FunctionDebit, httpapi.FunctionManage, httpapi.FunctionCheckout, FunctionPurchase, FunctionRefill, FunctionRenew}
	want := map[string][]string{
		"PutItem Wallets": commanding,
		"PutItem Ledger":  commanding,
		"PutItem Accounts": {
			httpapi.FunctionManage, FunctionRollup, httpapi.FunctionAudit, httpapi.FunctionCheckout, FunctionNotify,
			FunctionPurchase, FunctionRefill, FunctionRenew,
		},
		"UpdateItem Accounts": {httpapi.FunctionManage, FunctionNotify},
		"PutItem Usage":       {FunctionRollup},
		"UpdateItem Usage":    {FunctionRollup},
		"DeleteItem Usage":    {FunctionRollup},
		"DeleteItem Accounts": {httpapi.FunctionManage, FunctionRollup},
	}
	if got, expected := fmt.Sprint(writers), fmt.Sprint(want); got != expected {
		t.Errorf("writers = %s\n   want %s", got, expected)
	}
}

func TestEveryFunctionHasARoleOfItsOwn(t *testing.T) {
	roles := map[string]string{}
	for id, r := range readTemplate(t, prod).ofType(t, "AWS::Lambda::Function") {
		role := target(r.Properties["Role"])
		if other, taken := roles[role]; taken {
			t.Errorf("%s and %s share the role %s", id, other, role)
		}
		roles[role] = id
	}
}

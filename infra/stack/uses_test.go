package stack

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drawdown/infra/emulator/iam"
	"drawdown/shared/httpapi"
)

// leadingKeysKey is the condition key that holds the partitions that a request names.
const leadingKeysKey = "dynamodb:LeadingKeys"

// leastUses is how many lines the record of uses has at least: an empty one would hold the roles to nothing.
const leastUses = 100

// unused are the permissions that no function used while the end-to-end suite ran, each with the reason why it stays.
var unused = map[string]string{
	"rollup dynamodb:DeleteItem UsageTable":           "a rebuild removes sheets that the ledger does not make again",
	"audit secretsmanager:GetSecretValue SessionKey":  "a session's token is opened before its person is refused",
	"audit s3:PutObject Failures/*":                   "an account whose usage lags is put where the roll-up sweeps",
	"notify dynamodb:PutItem AccountsTable WEBHOOK#*": "an endpoint that answers 410 Gone is switched off",
	"renew dynamodb:Query LedgerTable":                "an invoice that it settles may have been refunded in part, which is tallied beside the grant",
}

// role is what a function's role allows. Resources are named by their constructs, such as AccountsTable/index/list.
func (tpl template) role(t *testing.T, name string) iam.Policy {
	t.Helper()
	_, function := tpl.function(t, name)
	id := target(function.Properties["Role"])
	var role iam.Policy
	for _, r := range tpl.ofType(t, "AWS::IAM::Policy") {
		if !slices.ContainsFunc(list(r.Properties["Roles"]), func(one any) bool { return target(one) == id }) {
			continue
		}
		policy, err := iam.Parse(resolved(r.Properties["PolicyDocument"]))
		if err != nil {
			t.Fatalf("the role of %s: %v", name, err)
		}
		role = append(role, policy...)
	}
	if len(role) == 0 {
		t.Fatalf("the role of %s allows nothing", name)
	}
	return role
}

// hash is what CDK puts after a construct's name.
var hash = regexp.MustCompile(`[0-9A-F]{8}$`)

// resolved replaces intrinsic functions: a resource by its construct's name, with the attribute if it is not its ARN.
func resolved(value any) any {
	switch v := value.(type) {
	case []any:
		all := make([]any, len(v))
		for i, one := range v {
			all[i] = resolved(one)
		}
		return all
	case map[string]any:
		if id := target(v); id != "" {
			name := hash.ReplaceAllString(id, "")
			if attribute := list(v["Fn::GetAtt"]); len(attribute) == 2 && attribute[1] != "Arn" {
				name += fmt.Sprintf("/%s", attribute[1])
			}
			return name
		}
		if join := list(v["Fn::Join"]); len(join) == 2 {
			var text strings.Builder
			for _, part := range list(resolved(join[1])) {
				_, _ = fmt.Fprint(&text, part)
			}
			return text.String()
		}
		if sub, ok := v["Fn::Sub"].(string); ok {
			return sub
		}
		all := map[string]any{}
		for key, one := range v {
			all[key] = resolved(one)
		}
		return all
	}
	return value
}

// recordedUses are what each function has used while the end-to-end suite ran, which keeps the record.
func recordedUses(t *testing.T) map[string][]iam.Request {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "uses.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < leastUses {
		t.Fatalf("the record has %d lines: the roles would be held to nothing", len(lines))
	}
	uses := map[string][]iam.Request{}
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) != 3 && len(fields) != 4 || !slices.Contains(allFunctions(t), fields[0]) {
			t.Fatalf("the record has the line %q", line)
		}
		use := iam.Request{Action: fields[1], Resource: fields[2]}
		if len(fields) == 4 {
			use.Context = map[string][]string{leadingKeysKey: strings.Split(fields[3], ",")}
		}
		uses[fields[0]] = append(uses[fields[0]], use)
	}
	return uses
}

// implied are the permissions that AWS needs of a role for how its function is connected, and for what it has used.
func (tpl template) implied(t *testing.T, name string, uses []iam.Request) []iam.Request {
	t.Helper()
	id, function := tpl.function(t, name)
	var needed []iam.Request
	need := func(resource any, actions ...string) {
		for _, action := range actions {
			needed = append(needed, iam.Request{Action: action, Resource: fmt.Sprint(resolved(resource))})
		}
	}
	need(map[string]any{"Fn::GetAtt": []any{target(at(function.Properties, "LoggingConfig", "LogGroup")), "Arn"}},
		"logs:CreateLogStream", "logs:PutLogEvents")
	for _, mapping := range tpl.ofType(t, "AWS::Lambda::EventSourceMapping") {
		if target(mapping.Properties["FunctionName"]) != id {
			continue
		}
		source := mapping.Properties["EventSourceArn"]
		if tpl.Resources[target(source)].Type == "AWS::SQS::Queue" {
			need(source, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")
			continue
		}
		need(source, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
		bucket := at(mapping.Properties, "DestinationConfig", "OnFailure", "Destination")
		need(bucket, "s3:ListBucket")
		need(map[string]any{"Fn::Join": []any{"", []any{bucket, "/*"}}}, "s3:PutObject")
	}
	for _, config := range tpl.ofType(t, "AWS::Lambda::EventInvokeConfig") {
		if target(config.Properties["FunctionName"]) == id {
			need(at(config.Properties, "DestinationConfig", "OnFailure", "Destination"), "sqs:SendMessage")
		}
	}
	return append(needed, tpl.impliedOfKey(t, uses)...)
}

// impliedOfKey is what DynamoDB does with the tables' key on behalf of its caller.
func (tpl template) impliedOfKey(t *testing.T, uses []iam.Request) []iam.Request {
	t.Helper()
	var actions []string
	for _, use := range uses {
		verb, ofTable := strings.CutPrefix(use.Action, "dynamodb:")
		switch {
		case ofTable && slices.Contains([]string{"PutItem", "UpdateItem", "DeleteItem"}, verb):
			actions = append(actions, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
			fallthrough
		case ofTable:
			actions = append(actions, "kms:Decrypt", "kms:DescribeKey")
		}
	}
	slices.Sort(actions)
	var needed []iam.Request
	for _, action := range slices.Compact(actions) {
		for id := range tpl.ofType(t, "AWS::KMS::Key") {
			needed = append(needed, iam.Request{
				Action: action, Resource: hash.ReplaceAllString(id, ""),
				Context: map[string][]string{"kms:ViaService": {"dynamodb.${AWS::Region}.amazonaws.com"}},
			})
		}
	}
	return needed
}

func describe(function string, r iam.Request) string {
	return strings.TrimSpace(strings.Join([]string{function, r.Action, r.Resource, strings.Join(r.Context[leadingKeysKey], ",")}, " "))
}

// permissionsOf takes a role apart: one action, one resource and, where the partitions are given, one of them each.
func permissionsOf(role iam.Policy) []iam.Request {
	var all []iam.Request
	for _, s := range role {
		for _, action := range s.Actions {
			for _, resource := range s.Resources {
				partitions := []string{""}
				for _, c := range s.Conditions {
					if c.Key == leadingKeysKey {
						partitions = c.Values
					}
				}
				for _, partition := range partitions {
					one := iam.Request{Action: action, Resource: resource}
					if partition != "" {
						one.Context = map[string][]string{leadingKeysKey: {partition}}
					}
					all = append(all, one)
				}
			}
		}
	}
	return all
}

// needs reports whether a use needs a permission: of its partitions, this one.
func needs(use, permission iam.Request) bool {
	partitions := permission.Context[leadingKeysKey]
	return use.Action == permission.Action && use.Resource == permission.Resource &&
		(len(partitions) == 0 || slices.Contains(use.Context[leadingKeysKey], partitions[0]))
}

// misfits are where a role and what is used differ, either way.
func misfits(name string, role iam.Policy, uses []iam.Request, kept map[string]string) []string {
	var found []string
	for _, use := range uses {
		if !role.Allows(use) {
			found = append(found, "not allowed, and used: "+describe(name, use))
		}
	}
	granted := map[string]bool{}
	for _, permission := range permissionsOf(role) {
		line := describe(name, permission)
		used := slices.ContainsFunc(uses, func(use iam.Request) bool { return needs(use, permission) })
		_, isKept := kept[line]
		switch {
		case granted[line]:
			found = append(found, "allowed twice: "+line)
		case !used && !isKept:
			found = append(found, "allowed, and never used: "+line)
		case used && isKept:
			found = append(found, "kept though unused, and used: "+line)
		}
		granted[line] = true
	}
	for line := range kept {
		if strings.HasPrefix(line, name+" ") && !granted[line] {
			found = append(found, "kept though unused, and not allowed at all: "+line)
		}
	}
	return found
}

// The roles allow what is used, and nothing else but what is listed here with a reason.
func TestRolesFitWhatIsUsed(t *testing.T) {
	recorded := recordedUses(t)
	for _, stackName := range []string{prod, dev, alarmed} {
		tpl := readTemplate(t, stackName)
		for _, name := range allFunctions(t) {
			uses := append(slices.Clone(recorded[name]), tpl.implied(t, name, recorded[name])...)
			for _, misfit := range misfits(name, tpl.role(t, name), uses, unused) {
				t.Errorf("%s: %s", stackName, misfit)
			}
		}
	}
	for line, reason := range unused {
		if name, _, _ := strings.Cut(line, " "); !slices.Contains(allFunctions(t), name) || reason == "" {
			t.Errorf("%q is kept for %q: want a function's permission and a reason", line, reason)
		}
	}
}

// The check above is worth nothing if it cannot fail.
func TestMisfitsAreFound(t *testing.T) {
	onKeys := func(keys ...string) map[string][]string { return map[string][]string{leadingKeysKey: keys} }
	role, err := iam.Parse(map[string]any{"Statement": []any{
		map[string]any{"Effect": "Allow", "Action": []any{"dynamodb:GetItem", "dynamodb:PutItem"}, "Resource": "T",
			"Condition": map[string]any{"ForAllValues:StringLike": map[string]any{leadingKeysKey: []any{"A#*", "C"}}}},
		map[string]any{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "T/index/i"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	fitting := func() []iam.Request {
		return []iam.Request{
			{Action: "dynamodb:GetItem", Resource: "T", Context: onKeys("A#*", "C")},
			{Action: "dynamodb:PutItem", Resource: "T", Context: onKeys("A#*")},
			{Action: "dynamodb:PutItem", Resource: "T", Context: onKeys("C")},
			{Action: "dynamodb:Query", Resource: "T/index/i", Context: onKeys("A#*")},
		}
	}
	if found := misfits("f", role, fitting(), nil); len(found) > 0 {
		t.Fatalf("what fits is found: %q", found)
	}
	for want, c := range map[string]struct {
		uses []iam.Request
		kept map[string]string
		role iam.Policy
	}{
		"not allowed, and used: f dynamodb:GetItem T A#*,D":   {uses: append(fitting(), iam.Request{Action: "dynamodb:GetItem", Resource: "T", Context: onKeys("A#*", "D")})},
		"not allowed, and used: f dynamodb:Query T A#*":       {uses: append(fitting(), iam.Request{Action: "dynamodb:Query", Resource: "T", Context: onKeys("A#*")})},
		"not allowed, and used: f s3:GetObject T":             {uses: append(fitting(), iam.Request{Action: "s3:GetObject", Resource: "T"})},
		"allowed, and never used: f dynamodb:PutItem T C":     {uses: slices.Delete(fitting(), 2, 3)},
		"allowed, and never used: f dynamodb:Query T/index/i": {uses: fitting()[:3]},
		"kept though unused, and used: f dynamodb:Query T/index/i": {
			uses: fitting(), kept: map[string]string{"f dynamodb:Query T/index/i": "why"},
		},
		"kept though unused, and not allowed at all: f dynamodb:Scan T": {uses: fitting(), kept: map[string]string{"f dynamodb:Scan T": "why"}},
		"allowed twice: f dynamodb:Query T/index/i":                     {uses: fitting(), role: append(slices.Clone(role), role[1])},
	} {
		if c.role == nil {
			c.role = role
		}
		if found := misfits("f", c.role, c.uses, c.kept); !slices.Equal(found, []string{want}) {
			t.Errorf("found %q, want %q", found, want)
		}
	}
}

// Whoever may change items of Accounts may do so in these partitions alone. There are those of accounts (A#), of prices
// and plans (CATALOG), of API keys (KEY#), of endpoints (WEBHOOK#) and their deliveries (DELIVERY#), of quarantines and of
// the mark of the audit. "any" would be all of them.
func TestWhoWritesWhichPartitionOfAccounts(t *testing.T) {
	want := map[string][]string{
		httpapi.FunctionManage + " PutItem":    {"CATALOG", "KEY#*", "WEBHOOK#*"},
		httpapi.FunctionManage + " UpdateItem": {"A#*", "KEY#*", "DELIVERY#*"},
		httpapi.FunctionManage + " DeleteItem": {"WEBHOOK#*"},
		FunctionRollup + " PutItem":            {"QUARANTINE"},
		FunctionRollup + " DeleteItem":         {"QUARANTINE"},
		httpapi.FunctionAudit + " PutItem":     {"AUDIT"},
		FunctionNotify + " PutItem":            {"WEBHOOK#*", "DELIVERY#*"},
		FunctionNotify + " UpdateItem":         {"DELIVERY#*"},
		httpapi.FunctionCheckout + " PutItem":  {"A#*", "CATALOG"},
		FunctionPurchase + " PutItem":          {"A#*"},
		FunctionRefill + " PutItem":            {"A#*"},
		FunctionRenew + " PutItem":             {"A#*"},
	}
	for _, stackName := range []string{prod, dev, alarmed} {
		tpl := readTemplate(t, stackName)
		got := map[string][]string{}
		for _, name := range allFunctions(t) {
			for _, permission := range permissionsOf(tpl.role(t, name)) {
				verb := strings.TrimPrefix(permission.Action, "dynamodb:")
				if permission.Resource != "AccountsTable" || slices.Contains([]string{"GetItem", "BatchGetItem", "Query"}, verb) {
					continue
				}
				partitions := permission.Context[leadingKeysKey]
				if partitions == nil {
					partitions = []string{"any"}
				}
				got[name+" "+verb] = append(got[name+" "+verb], partitions...)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: writers of Accounts are\n%v\nwant\n%v", stackName, got, want)
		}
	}
}

// Only the functions that sign or verify with a secret can read it.
func TestWhoReadsWhichSecret(t *testing.T) {
	want := map[string][]string{
		"SessionKey": {httpapi.FunctionAudit, httpapi.FunctionCheckout, httpapi.FunctionDebit, httpapi.FunctionManage, httpapi.FunctionUsage},
		"StripeKeys": {httpapi.FunctionCheckout, FunctionPurchase, FunctionRefill, FunctionRenew, httpapi.FunctionWebhook},
	}
	for _, stackName := range []string{prod, dev, alarmed} {
		tpl := readTemplate(t, stackName)
		got := map[string][]string{}
		for id := range tpl.ofType(t, "AWS::SecretsManager::Secret") {
			got[id] = nil
		}
		for _, name := range slices.Sorted(slices.Values(allFunctions(t))) {
			for _, permission := range permissionsOf(tpl.role(t, name)) {
				if strings.HasPrefix(permission.Action, "secretsmanager:") {
					got[permission.Resource] = append(got[permission.Resource], name)
				}
				if permission.Action != "secretsmanager:GetSecretValue" && strings.HasPrefix(permission.Action, "secretsmanager:") {
					t.Errorf("%s: %s does more with a secret than read it: %s", stackName, name, permission.Action)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: readers of %v are\n%v\nwant\n%v", stackName, slices.Sorted(maps.Keys(want)), got, want)
		}
	}
}

package emulator

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/template"
)

// The credentials that functions and tools are given: DynamoDB Local wants some, and checks none.
const (
	accessKeyID     = "LOCALACCESSKEY"
	secretAccessKey = "local-secret-access-key"
	sessionToken    = "local-session-token"
)

// What Lambda takes where the template says nothing.
const (
	defaultTimeout  = 3
	defaultMemoryMB = 128
)

// What has no bearing on a function that runs as a process: permissions, labels, tracing, encryption of the
// environment at rest, and when AWS updates the runtime. Architectures is what the binary is built for in a
// deployment; whether the one at hand runs here is seen from the binary itself.
var inertOfFunctions = []string{
	"Architectures", "Description", "EphemeralStorage", "KmsKeyArn", "RecursiveLoop", "Role", "RuntimeManagementConfig",
	"Tags", "TracingConfig",
}

type functionProperties struct {
	FunctionName string
	PackageType  string
	Runtime      string
	Handler      string
	Code         struct {
		S3Bucket string
		S3Key    string
	}
	Environment struct {
		Variables template.Strings
	}
	MemorySize                   template.Int
	Timeout                      template.Int
	ReservedConcurrentExecutions *template.Int
	LoggingConfig                struct {
		LogFormat           string
		ApplicationLogLevel string
		SystemLogLevel      string // the platform's own lines are always there
		LogGroup            string
	}
}

// deployedFunction is a function of the template. It can be invoked once the tables are there.
type deployedFunction struct {
	*function.Function
	short     string // the last word of its name
	bootstrap string
}

const runtime = "provided.al2023"

// unpackFunction puts a function's code in place.
func unpackFunction(p *Platform, r template.Resource) error {
	name, err := p.named(r, "FunctionName")
	if err != nil {
		return err
	}
	// The code alone is read here, since the environment may refer to tables that are not there yet.
	code, _ := r.Properties["Code"].(map[string]any)
	key, err := p.stack.EvaluateString(code["S3Key"])
	if err != nil {
		return r.Errorf("Code: S3Key", "%w", err)
	}
	asset, err := p.stack.Asset(key)
	if err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	short := p.shortName(name, asset)
	dir := filepath.Join(p.dir, "functions", short)
	if err := unpack(asset, dir); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	bootstrap := filepath.Join(dir, "bootstrap")
	if err := checkBinary(bootstrap); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	p.functions[r.LogicalID] = &deployedFunction{short: short, bootstrap: bootstrap}
	return nil
}

// shortName is the name of the folder that a function's code lies in: that of its source if the function is named so,
// else the last word of the function's name, else, where another function has that, the whole name.
func (p *Platform) shortName(name, asset string) string {
	short := name[strings.LastIndexByte(name, '-')+1:]
	if base := filepath.Base(asset); strings.HasSuffix(name, "-"+base) {
		short = base
	}
	for _, f := range p.functions {
		if f.short == short {
			return name
		}
	}
	return short
}

// startFunction makes a function ready to be invoked.
func startFunction(p *Platform, r template.Resource) error {
	var properties functionProperties
	if err := p.stack.Decode(r, inertOfFunctions, &properties); err != nil {
		return err
	}
	if err := properties.check(r); err != nil {
		return err
	}
	name, err := p.named(r, "FunctionName")
	if err != nil {
		return err
	}
	f := p.functions[r.LogicalID]
	f.Function = function.New(p.functionConfig(name, f.bootstrap, properties))
	return nil
}

func (f *functionProperties) check(r template.Resource) error {
	switch {
	case f.PackageType != "" && f.PackageType != "Zip":
		return r.Errorf("PackageType", "Zip is expected, not %q", f.PackageType)
	case f.Runtime != runtime:
		return r.Errorf("Runtime", "%s is expected, not %q", runtime, f.Runtime)
	case f.Handler != "bootstrap":
		return r.Errorf("Handler", "bootstrap is expected, not %q", f.Handler)
	case f.ReservedConcurrentExecutions != nil && *f.ReservedConcurrentExecutions < 1:
		return r.Errorf("ReservedConcurrentExecutions", "a function that may never run cannot be invoked")
	}
	return nil
}

func (p *Platform) functionConfig(name, bootstrap string, f functionProperties) function.Config {
	if f.Timeout == 0 {
		f.Timeout = defaultTimeout
	}
	if f.MemorySize == 0 {
		f.MemorySize = defaultMemoryMB
	}
	processes := p.options.MaxProcesses
	if reserved := f.ReservedConcurrentExecutions; reserved != nil {
		processes = int(*reserved)
	}
	return function.Config{
		Name:         name,
		ARN:          arn("lambda", "function:"+name),
		Bootstrap:    bootstrap,
		Environment:  p.environment(name, filepath.Dir(bootstrap), f),
		Timeout:      time.Duration(f.Timeout) * time.Second,
		MemoryMB:     int(f.MemorySize),
		MaxProcesses: processes,
		RetryWaits:   p.options.Waits.AsyncRetries,
		Log:          func(line string) { p.log(name, line) },
	}
}

// environment is all that a function finds in its environment, apart from what differs between processes. Of the
// machine it takes nothing but the PATH, so that a setting which happens to be there has no effect.
func (p *Platform) environment(name, dir string, f functionProperties) []string {
	logGroup := f.LoggingConfig.LogGroup
	if logGroup == "" {
		logGroup = "/aws/lambda/" + name
	}
	variables := map[string]string{
		"AWS_ACCESS_KEY_ID":               accessKeyID,
		"AWS_SECRET_ACCESS_KEY":           secretAccessKey,
		"AWS_SESSION_TOKEN":               sessionToken,
		"AWS_DEFAULT_REGION":              template.Region,
		"AWS_REGION":                      template.Region,
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + runtime,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": fmt.Sprint(int(f.MemorySize)),
		"AWS_LAMBDA_FUNCTION_NAME":        name,
		"AWS_LAMBDA_FUNCTION_VERSION":     function.Version,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       logGroup,
		"LAMBDA_RUNTIME_DIR":              dir,
		"LAMBDA_TASK_ROOT":                dir,
		"LANG":                            "en_US.UTF-8",
		"PATH":                            os.Getenv("PATH"),
		"TZ":                              ":UTC",
		"_HANDLER":                        f.Handler,
		// Where the SDK looks for services before it looks to AWS.
		"AWS_ENDPOINT_URL_DYNAMODB":        p.DynamoDBURL(),
		"AWS_ENDPOINT_URL_EVENTBRIDGE":     p.EventBridgeURL(),
		"AWS_ENDPOINT_URL_SQS":             p.SQSURL(),
		"AWS_ENDPOINT_URL_LAMBDA":          p.InvokeURL(),
		"AWS_ENDPOINT_URL_S3":              p.S3URL(),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": p.SecretsURL(),
	}
	if p.dynamodb != nil {
		variables["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] = p.DynamoDBURL()
	} else {
		delete(variables, "AWS_ENDPOINT_URL_DYNAMODB")
	}
	if format := f.LoggingConfig.LogFormat; format != "" && format != "Text" {
		variables["AWS_LAMBDA_LOG_FORMAT"] = format
		variables["AWS_LAMBDA_LOG_LEVEL"] = f.LoggingConfig.ApplicationLogLevel
	}
	maps.Copy(variables, f.Environment.Variables)
	list := make([]string, 0, len(variables))
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, variable+"="+variables[variable])
	}
	return list
}

func functionName(p *Platform, r template.Resource) (any, error) { return p.named(r, "FunctionName") }

func functionAttribute(p *Platform, r template.Resource, attribute string) (any, error) {
	name, err := p.named(r, "FunctionName")
	if err != nil {
		return nil, err
	}
	if attribute != "Arn" {
		return nil, unknownAttribute(r, attribute)
	}
	return arn("lambda", "function:"+name), nil
}

// unpack copies a function's code, a folder or a zip file, to a folder.
func unpack(asset, dir string) error {
	info, err := os.Stat(asset)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(dir, os.DirFS(asset))
	}
	archive, err := zip.OpenReader(asset)
	if err != nil {
		return fmt.Errorf("%s: %w", asset, err)
	}
	defer func() { _ = archive.Close() }() // only read from
	for _, file := range archive.File {
		if err := unzip(file, dir); err != nil {
			return fmt.Errorf("%s: %s: %w", asset, file.Name, err)
		}
	}
	return nil
}

func unzip(file *zip.File, dir string) error {
	if !filepath.IsLocal(file.Name) {
		return errors.New("the path leads out of the archive")
	}
	target := filepath.Join(dir, filepath.FromSlash(file.Name))
	if file.FileInfo().IsDir() {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	source, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // only read from
	mode := fs.FileMode(0o644) | file.Mode()&0o111
	copied, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source)
	return errors.Join(err, copied.Close())
}

package kinds

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/template"
)

// Lambda's defaults.
const (
	defaultTimeout  = 3
	defaultMemoryMB = 128
)

// Properties without effect on a function that runs as a process: permissions, labels, tracing, encryption of the
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

// deployedFunction is a function of the template. It can be invoked once the tables exist.
type deployedFunction struct {
	*function.Function
	short     string // the last word of its name
	bootstrap string
}

const runtime = "provided.al2023"

// Functions are the functions of Lambda.
type Functions struct {
	host         *Host
	tables       *Tables // whose address the functions get
	maxProcesses int
	retryWaits   []time.Duration
	functions    map[string]*deployedFunction // by logical id
}

// Prepare implements Kind. It puts the functions' code in place.
func (k *Functions) Prepare(r template.Resource) error {
	name, err := k.Ref(r)
	if err != nil {
		return err
	}
	// Only the code is read here, since the environment may refer to tables that do not exist yet.
	code, _ := r.Properties["Code"].(map[string]any)
	key, err := k.host.EvaluateString(code["S3Key"])
	if err != nil {
		return r.Errorf("Code: S3Key", "%w", err)
	}
	asset, err := k.host.Asset(key)
	if err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	short := k.shortName(name, asset)
	dir := filepath.Join(k.host.Dir, "functions", short)
	if err := unpack(asset, dir); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	bootstrap := filepath.Join(dir, "bootstrap")
	if err := checkBinary(bootstrap); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	k.functions[r.LogicalID] = &deployedFunction{short: short, bootstrap: bootstrap}
	return nil
}

// shortName returns the name of the folder with the function's code, if the function is named after it, else the last
// word of the function's name, or, if another function has that, the whole name.
func (k *Functions) shortName(name, asset string) string {
	short := name[strings.LastIndexByte(name, '-')+1:]
	if base := filepath.Base(asset); strings.HasSuffix(name, "-"+base) {
		short = base
	}
	for _, f := range k.functions {
		if f.short == short {
			return name
		}
	}
	return short
}

// Run implements Kind. It makes the functions ready to be invoked.
func (k *Functions) Run(r template.Resource) error {
	var properties functionProperties
	if err := k.host.Decode(r, inertOfFunctions, &properties); err != nil {
		return err
	}
	if err := properties.check(r); err != nil {
		return err
	}
	name, err := k.Ref(r)
	if err != nil {
		return err
	}
	f := k.functions[r.LogicalID]
	f.Function = function.New(k.config(name, f.bootstrap, properties))
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

func (k *Functions) config(name, bootstrap string, f functionProperties) function.Config {
	if f.Timeout == 0 {
		f.Timeout = defaultTimeout
	}
	if f.MemorySize == 0 {
		f.MemorySize = defaultMemoryMB
	}
	processes := k.maxProcesses
	if reserved := f.ReservedConcurrentExecutions; reserved != nil {
		processes = int(*reserved)
	}
	return function.Config{
		Name:         name,
		ARN:          arn("lambda", "function:"+name),
		Bootstrap:    bootstrap,
		Environment:  k.environment(name, filepath.Dir(bootstrap), f),
		Timeout:      time.Duration(f.Timeout) * time.Second,
		MemoryMB:     int(f.MemorySize),
		MaxProcesses: processes,
		RetryWaits:   k.retryWaits,
		Log:          func(line string) { k.host.Log(name, line) },
	}
}

// environment returns a function's whole environment, apart from what differs between processes. Of the machine's
// environment it takes only the PATH, so that other settings have no effect.
func (k *Functions) environment(name, dir string, f functionProperties) []string {
	logGroup := f.LoggingConfig.LogGroup
	if logGroup == "" {
		logGroup = "/aws/lambda/" + name
	}
	variables := map[string]string{
		"AWS_ACCESS_KEY_ID":               credentialOf(name),
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
		// Where the SDK looks for services before it uses AWS.
		"AWS_ENDPOINT_URL_EVENTBRIDGE":     k.host.URLs.Services,
		"AWS_ENDPOINT_URL_SQS":             k.host.URLs.Services,
		"AWS_ENDPOINT_URL_LAMBDA":          k.host.URLs.Invoke,
		"AWS_ENDPOINT_URL_S3":              k.host.URLs.S3,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": k.host.URLs.Services,
	}
	if url := k.tables.URL; url != "" {
		variables["AWS_ENDPOINT_URL_DYNAMODB"], variables["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] = k.tables.forFunctions, url
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

// Names returns the names of the functions.
func (k *Functions) Names() []string {
	names := make([]string, 0, len(k.functions))
	for _, f := range k.functions {
		names = append(names, f.Name())
	}
	slices.Sort(names)
	return names
}

// Find is the function with this name, nil if there is none.
func (k *Functions) Find(name string) *function.Function {
	return k.find(func(f *deployedFunction) bool { return f.Name() == name })
}

func (k *Functions) find(is func(*deployedFunction) bool) *function.Function {
	for _, f := range k.functions {
		if f.Function != nil && is(f) {
			return f.Function
		}
	}
	return nil
}

// invokable is the function with this ARN or name.
func (k *Functions) invokable(named string) (*function.Function, error) {
	if f := k.find(func(f *deployedFunction) bool { return f.ARN() == named || f.Name() == named }); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%q is no function of the template", named)
}

// Kill sends SIGKILL to every process of a function, given by its name or the last word of it, and returns to how many.
func (k *Functions) Kill(name string) int {
	f := k.Find(name)
	if f == nil {
		f = k.find(func(f *deployedFunction) bool { return f.short == name })
	}
	if f == nil {
		return 0
	}
	return f.Kill()
}

// PIDs lists the processes of all functions.
func (k *Functions) PIDs() []int {
	var pids []int
	for _, f := range k.functions {
		pids = append(pids, f.PIDs()...)
	}
	return pids
}

// Close stops all processes. Invocations under way fail.
func (k *Functions) Close() {
	var stops sync.WaitGroup
	for _, f := range k.functions {
		if f.Function != nil {
			stops.Go(f.Close)
		}
	}
	stops.Wait()
}

// Ref implements Kind.
func (k *Functions) Ref(r template.Resource) (string, error) { return k.host.name(r, "FunctionName") }

// Attribute implements Kind.
func (k *Functions) Attribute(r template.Resource, name string) (string, error) {
	if name != "Arn" {
		return "", unknownAttribute(r, name)
	}
	own, err := k.Ref(r)
	return arn("lambda", "function:"+own), err
}

package stack

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"drawdown/shared/boot"
)

// Stage is how a deployment is used.
type Stage string

// The stages.
const (
	// StageProd keeps data whatever happens to the stack: tables are protected
	// from deletion and outlive it.
	StageProd Stage = "prod"
	// StageDev is deleted with its stack, and accepts debits dated further back.
	StageDev Stage = "dev"
)

// The architectures that a function can be built for, as Lambda names them.
const (
	ArchARM64 = "arm64"
	ArchX8664 = "x86_64"
)

// Config is what may differ between deployments. Its fields are the settings of
// the CDK context.
type Config struct {
	// Stage is prod (the default) or dev.
	Stage Stage
	// Assets is the directory that holds <function>/bootstrap for each function,
	// built for Arch. Default: .build/lambda/arm64.
	Assets string
	// Arch is arm64 (the default) or x86_64.
	Arch string
	// Channels is the comma-separated list of the channels that debits may name.
	// Default: those of boot.DefaultChannels.
	Channels string
	// AlarmEmail, if set, is notified of every alarm.
	AlarmEmail string
}

// ConfigFromContext reads the settings from the CDK context of the app. It
// returns an error if a value is not valid.
func ConfigFromContext(node constructs.Node) (Config, error) {
	value := func(key, otherwise string) string {
		if v, ok := node.TryGetContext(jsii.String(key)).(string); ok && v != "" {
			return v
		}
		return otherwise
	}
	c := Config{
		Stage:      Stage(value("stage", string(StageProd))),
		Assets:     value("assets", filepath.Join(".build", "lambda", ArchARM64)),
		Arch:       value("arch", ArchARM64),
		Channels:   value("channels", strings.Join(boot.DefaultChannels(), ",")),
		AlarmEmail: value("alarmEmail", ""),
	}
	return c, c.validate()
}

func (c Config) validate() error {
	if c.Stage != StageProd && c.Stage != StageDev {
		return fmt.Errorf("context stage is %q, must be %s or %s", c.Stage, StageProd, StageDev)
	}
	if c.Arch != ArchARM64 && c.Arch != ArchX8664 {
		return fmt.Errorf("context arch is %q, must be %s or %s", c.Arch, ArchARM64, ArchX8664)
	}
	for _, channel := range strings.Split(c.Channels, ",") {
		if !validChannel(channel) {
			return fmt.Errorf("context channels contains %q, must be 1 to 32 characters of a-z, 0-9 and _", channel)
		}
	}
	return nil
}

func validChannel(name string) bool {
	const maxLength = 32
	if name == "" || len(name) > maxLength {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// maxBackdateDays is how far back a debit's occurred_at may lie. A development
// stage accepts more, so that demonstration data can fill a chart of three months.
func (c Config) maxBackdateDays() int {
	if c.Stage == StageDev {
		return 90
	}
	return 35
}

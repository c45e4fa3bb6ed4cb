package stack

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

func TestConfigFromContext(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{
		"stage": "dev", "arch": "x86_64", "assets": "elsewhere", "channels": "api,sms", "alarmEmail": "oncall@example.com",
	}})
	got, err := ConfigFromContext(app.Node())
	want := Config{Stage: StageDev, Assets: "elsewhere", Arch: ArchX8664, Channels: "api,sms", AlarmEmail: "oncall@example.com"}
	if err != nil || got != want {
		t.Errorf("ConfigFromContext = %+v, %v, want %+v", got, err, want)
	}
	got, err = ConfigFromContext(awscdk.NewApp(nil).Node())
	want = Config{Stage: StageProd, Assets: ".build/lambda/arm64", Arch: ArchARM64, Channels: "api,widget,chat_portal,whatsapp,test_chat,reports"}
	if err != nil || got != want {
		t.Errorf("ConfigFromContext of nothing = %+v, %v, want %+v", got, err, want)
	}
}

func TestConfigRefusesWhatCannotBeDeployed(t *testing.T) {
	for key, value := range map[string]string{
		"stage": "production", "arch": "riscv", "channels": "api,,widget",
	} {
		app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{key: value}})
		if _, err := ConfigFromContext(app.Node()); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("context %s=%s: error %v, want one that names %s", key, value, err, key)
		}
	}
	for _, channel := range []string{"", "Chat", "a b", strings.Repeat("x", 33)} {
		if validChannel(channel) {
			t.Errorf("channel %q is taken for valid", channel)
		}
	}
}

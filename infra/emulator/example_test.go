package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"drawdown/infra/emulator"
)

// The app in testdata/notes has a table, a function that keeps notes there, and two routes that lead to it.
func Example() {
	ctx, assembly := context.Background(), notesAssembly()
	defer func() { _ = os.RemoveAll(assembly) }()
	platform, err := emulator.Start(ctx, emulator.Options{Assembly: assembly, DynamoDBDir: dynamoDBDir()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = platform.Stop(ctx) }() // nothing of it is left behind

	note := platform.URL() + "/notes/1"
	fmt.Println(send(http.MethodGet, note, ""))
	fmt.Println(send(http.MethodPut, note, "Water the plants"))
	fmt.Println(send(http.MethodGet, note, ""))
	fmt.Println(platform.TableName("Notes"), platform.FunctionNames(), platform.Inert())
	// Output:
	// 404
	// 204
	// 200 Water the plants
	// Notes-Notes [Notes-Function] [Role (AWS::IAM::Role): permissions are not checked]
}

// notesAssembly is the app as cdk synth would write it, with its function compiled for this machine.
func notesAssembly() string {
	dir, err := os.MkdirTemp("", "notes-")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS("testdata/notes/assembly"))
	}
	if err == nil {
		err = build("./testdata/notes/function", filepath.Join(dir, "asset.cccc", "bootstrap"))
	}
	if err != nil {
		panic(err)
	}
	return dir
}

func send(method, url, body string) string {
	request, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", string(text)))
}

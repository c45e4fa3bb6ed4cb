package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/fault"
	"drawdown/shared/telemetry"
)

// Binding is a route and the handler that serves it.
type Binding struct {
	route Route
	serve func(context.Context, *Request) (Response, error)
}

// Handle binds a route to the three functions of its handler.
func Handle[In, Out any](
	route Route,
	decode func(*Request) (In, error),
	operate func(context.Context, In) (Out, error),
	encode func(Out) Response,
) Binding {
	return Binding{route, func(ctx context.Context, request *Request) (Response, error) {
		in, err := decode(request)
		if err != nil {
			return Response{}, err
		}
		out, err := operate(ctx, in)
		if err != nil {
			return Response{}, err
		}
		return encode(out), nil
	}}
}

// Server answers API Gateway's requests to one function.
type Server struct {
	gate   *access.Authenticator
	routes map[string]Binding
}

// NewServer serves the bindings to callers that the gate admits.
func NewServer(gate *access.Authenticator, bindings ...Binding) *Server {
	server := &Server{gate: gate, routes: make(map[string]Binding, len(bindings))}
	for _, binding := range bindings {
		server.routes[binding.route.Key()] = binding
	}
	return server
}

// Routes lists the routes that the server serves.
func (s *Server) Routes() []Route {
	routes := make([]Route, 0, len(s.routes))
	for _, binding := range s.routes {
		routes = append(routes, binding.route)
	}
	return routes
}

// Invoke answers one event of API Gateway's payload format 2.0.
func (s *Server) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("httpapi: not an event of API Gateway: %w", err)
	}
	response := s.answer(ctx, &event)
	telemetry.Note(ctx, "route", event.RouteKey)
	telemetry.Note(ctx, "status", response.Status)
	telemetry.Note(ctx, "account", event.PathParameters["account_id"])
	return response.encode()
}

// answer never fails: every error becomes a problem, and its cause a log line.
func (s *Server) answer(ctx context.Context, event *events.APIGatewayV2HTTPRequest) (response Response) {
	defer func() {
		if broken := recover(); broken != nil {
			slog.ErrorContext(ctx, "panic", "route", event.RouteKey, "panic", broken, "stack", string(debug.Stack()))
			response = problemResponse(fmt.Errorf("httpapi: panic: %v", broken))
		}
	}()
	response, err := s.serve(ctx, event)
	if err == nil {
		return response
	}
	response = problemResponse(err)
	telemetry.Note(ctx, "problem", string(fault.CodeOf(err)))
	if response.Status >= http.StatusInternalServerError {
		telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
		slog.ErrorContext(ctx, "request failed", "route", event.RouteKey, "account", event.PathParameters["account_id"], "error", err.Error())
	}
	return response
}

func (s *Server) serve(ctx context.Context, event *events.APIGatewayV2HTTPRequest) (Response, error) {
	binding, found := s.routes[event.RouteKey]
	if !found || binding.route.Access == "" {
		return Response{}, fmt.Errorf("httpapi: no handler for route %q", event.RouteKey)
	}
	request, err := newRequest(event)
	if err != nil {
		return Response{}, err
	}
	if err := s.admit(ctx, binding.route, request); err != nil {
		return Response{}, err
	}
	if binding.route.Keyed {
		if request.Operation, err = idempotencyKey(event.Headers["idempotency-key"]); err != nil {
			return Response{}, err
		}
	}
	if len(request.body) > MaxBody {
		return Response{}, fault.New(fault.PayloadTooLarge, "The body has %d bytes; at most %d are accepted.", len(request.body), MaxBody)
	}
	return binding.serve(ctx, request)
}

// admit checks the key, its scope and its account before the request's content is
// read.
func (s *Server) admit(ctx context.Context, route Route, request *Request) error {
	if route.Access == Public {
		return nil
	}
	caller, err := s.gate.Authenticate(ctx, request.token)
	if err != nil {
		return err
	}
	request.Caller = caller
	telemetry.Note(ctx, "key", caller.KeyID)
	account := request.path["account_id"]
	if account == "" && route.Access != Admin {
		// The route has no account in its path, such as a batch, whose items are
		// checked one by one; an operator's route covers all accounts.
		account = caller.Account
	}
	return caller.May(access.Scope(route.Access), account)
}

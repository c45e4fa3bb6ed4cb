package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"drawdown/infra/emulator/kinds"
)

// ErrPortTaken means that another program uses the port of the HTTP API.
var ErrPortTaken = errors.New("taken")

// servers are where the platform listens on loopback. Their addresses are known before anything is served there, since
// the resources of a template refer to them.
type servers struct {
	api, invoke, s3, services net.Listener
	running                   []*http.Server
}

// listen takes a port for the HTTP API, and a free one for each of the others.
func listen(ctx context.Context, port int) (*servers, error) {
	s := &servers{}
	var config net.ListenConfig
	for _, one := range []struct {
		listener *net.Listener
		port     int
	}{{&s.api, port}, {&s.invoke, 0}, {&s.s3, 0}, {&s.services, 0}} {
		var err error
		*one.listener, err = config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(one.port)))
		if err == nil {
			continue
		}
		s.close()
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("port %d is %w", one.port, ErrPortTaken)
		}
		return nil, fmt.Errorf("port %d cannot be used: %w", one.port, err)
	}
	return s, nil
}

func (s *servers) urls() kinds.URLs {
	return kinds.URLs{API: url(s.api), Invoke: url(s.invoke), S3: url(s.s3), Services: url(s.services)}
}

func url(l net.Listener) string { return "http://" + l.Addr().String() }

// serve serves everything.
func (s *servers) serve(set *kinds.Set) {
	for listener, handler := range map[net.Listener]http.Handler{
		s.api: set.API(), s.invoke: set.Invoke(), s.s3: set.S3(), s.services: set.Services(),
	} {
		if handler == nil {
			continue
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		s.running = append(s.running, server)
		go func() { _ = server.Serve(listener) }() // ends when the server is shut down
	}
}

// shutdown accepts no further requests, and waits for those under way until ctx
// ends.
func (s *servers) shutdown(ctx context.Context) {
	var drains sync.WaitGroup
	for _, server := range s.running {
		drains.Go(func() {
			if server.Shutdown(ctx) != nil {
				_ = server.Close() // it has waited long enough
			}
		})
	}
	drains.Wait()
}

func (s *servers) close() {
	for _, l := range []net.Listener{s.api, s.invoke, s.s3, s.services} {
		if l != nil {
			_ = l.Close() // usually closed already, with its server
		}
	}
}

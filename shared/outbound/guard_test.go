package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"drawdown/shared/webhooks"
)

// special are the blocks of IANA's registries of special-purpose addresses (IPv4 and IPv6), of multicast, and of IPv6 that
// is not given out. Of each the first address, the last, and one between them is refused.
func special() map[string]string {
	return map[string]string{
		"0.0.0.0/8":       "this network",
		"10.0.0.0/8":      "private",
		"100.64.0.0/10":   "carriers' own",
		"127.0.0.0/8":     "loopback",
		"169.254.0.0/16":  "link-local, with the clouds' metadata",
		"172.16.0.0/12":   "private",
		"192.0.0.0/24":    "protocol assignments",
		"192.0.0.170/31":  "discovery of NAT64",
		"192.0.2.0/24":    "documentation",
		"192.88.99.0/24":  "relays of 6to4",
		"192.168.0.0/16":  "private",
		"198.18.0.0/15":   "benchmarks",
		"198.51.100.0/24": "documentation",
		"203.0.113.0/24":  "documentation",
		"224.0.0.0/4":     "multicast",
		"240.0.0.0/4":     "reserved, with broadcast at its end",

		"::/128":            "unspecified",
		"::1/128":           "loopback",
		"::/96":             "compatible with IPv4",
		"::ffff:0:0:0/96":   "translated from IPv4, once",
		"64:ff9b::/96":      "NAT64",
		"64:ff9b:1::/48":    "NAT64, locally",
		"100::/64":          "discarded",
		"100:0:0:1::/64":    "dummies",
		"200::/7":           "reserved",
		"2001::/23":         "protocol assignments",
		"2001::/32":         "Teredo",
		"2001:2::/48":       "benchmarks",
		"2001:10::/28":      "ORCHID",
		"2001:20::/28":      "ORCHIDv2",
		"2001:db8::/32":     "documentation",
		"2002::/16":         "6to4",
		"3fff::/20":         "documentation",
		"4000::/2":          "not given out, with segment routing",
		"fc00::/7":          "unique local",
		"fd00:ec2::254/128": "a cloud's metadata",
		"fe80::/10":         "link-local",
		"fec0::/10":         "site-local, once",
		"ff00::/8":          "multicast",
	}
}

// neighbors are public, right before and behind what is not.
func neighbors() []string {
	return []string{
		"1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0",
		"192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0",
		"203.0.112.255", "203.0.114.0", "223.255.255.255",
		"2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::",
		"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::", "2606:4700:4700::1111", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::",
		"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	}
}

// within are the first address of a block, the last, and one between them.
func within(block netip.Prefix) []netip.Addr {
	first, bytes := block.Masked().Addr(), block.Addr().AsSlice()
	fill := func(from, to int) netip.Addr {
		last := first.AsSlice()
		for bit := from; bit < to; bit++ {
			last[bit/8] |= 1 << (7 - bit%8)
		}
		filled, _ := netip.AddrFromSlice(last)
		return filled
	}
	bits := 8 * len(bytes)
	return []netip.Addr{first, fill((block.Bits()+bits)/2, bits), fill(block.Bits(), bits)}
}

// embedded are the forms of IPv6 that an IPv4 address hides in.
func embedded(ip netip.Addr) []netip.Addr {
	a, all := ip.As4(), make([]netip.Addr, 0, 6)
	for text, at := range map[string]int{"::ffff:0:0": 12, "::": 12, "::ffff:0:0:0": 12, "64:ff9b::": 12, "64:ff9b:1::": 12, "2002::": 2} {
		form := netip.MustParseAddr(text).As16()
		copy(form[at:], a[:])
		all = append(all, netip.AddrFrom16(form))
	}
	teredo := netip.MustParseAddr("2001::").As16()
	for i, b := range a {
		teredo[12+i] = ^b
	}
	return append(all, netip.AddrFrom16(teredo))
}

// refusedAddresses are those of the table, and all the forms that the IPv4 ones hide in.
func refusedAddresses(t *testing.T) map[netip.Addr]string {
	t.Helper()
	all := map[netip.Addr]string{}
	for text, what := range special() {
		for _, ip := range within(netip.MustParsePrefix(text)) {
			all[ip] = text + ", " + what
			if !ip.Is4() {
				continue
			}
			for _, form := range embedded(ip) {
				all[form] = "a form of " + text + ", " + what
			}
		}
	}
	all[netip.MustParseAddr("fe80::1%eth0")] = "with a zone"
	all[netip.MustParseAddr("2606:4700:4700::1111%eth0")] = "with a zone"
	if len(all) < 350 {
		t.Errorf("only %d addresses are looked at", len(all))
	}
	return all
}

func TestPublicAddresses(t *testing.T) {
	for ip, what := range refusedAddresses(t) {
		if webhooks.Public(ip) {
			t.Errorf("%s is public: %s", ip, what)
		}
		if err := refusePrivate("tcp", netip.AddrPortFrom(ip, 443).String(), nil); !errors.Is(err, errPrivate) {
			t.Errorf("%s is dialled: %v", ip, err)
		}
	}
	for _, text := range neighbors() {
		ip := netip.MustParseAddr(text)
		if !webhooks.Public(ip) || refusePrivate("tcp", netip.AddrPortFrom(ip, 443).String(), nil) != nil {
			t.Errorf("%s is not public", text)
		}
		if mapped := netip.AddrFrom16(ip.As16()); !webhooks.Public(mapped) { // as the dialer may write it
			t.Errorf("%s is not public", mapped)
		}
	}
	for _, text := range []string{"", "8.8.8.8", "example.com:443", "[::1", ":443"} {
		if err := refusePrivate("tcp", text, nil); !errors.Is(err, errPrivate) {
			t.Errorf("%q is dialled: %v", text, err)
		}
	}
}

// names is a name server in memory, which answers every question with the same addresses.
type names struct {
	mu    sync.Mutex
	ips   []netip.Addr
	asked int
}

// dialer looks up names at the server: no network is asked, and none is needed.
func (n *names) dialer() *net.Dialer {
	return &net.Dialer{Timeout: webhooks.Timeout, Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go n.serve(far)
		return near, nil
	}}}
}

func (n *names) resolve(ips ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ips, n.asked = ips, 0
}

func (n *names) questions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// serve answers the questions of a connection. A pipe is not a packet connection, so
// each message is preceded by its length.
func (n *names) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		message := make([]byte, 2+(1<<16))
		read, err := conn.Read(message)
		if err != nil {
			return
		}
		for read < 2 || read < 2+int(message[0])<<8+int(message[1]) {
			more, err := conn.Read(message[read:])
			if err != nil {
				return
			}
			read += more
		}
		var asked dnsmessage.Message
		if asked.Unpack(message[2:read]) != nil || len(asked.Questions) != 1 {
			return
		}
		answer, err := n.answer(asked)
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)); err != nil { //nolint:gosec // small
			return
		}
	}
}

func (n *names) answer(asked dnsmessage.Message) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	question := asked.Questions[0]
	said := dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true}, Questions: asked.Questions}
	for _, ip := range n.ips {
		head := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
		switch {
		case question.Type == dnsmessage.TypeA && ip.Is4():
			said.Answers = append(said.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
		case question.Type == dnsmessage.TypeAAAA && ip.Is6():
			said.Answers = append(said.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return said.Pack()
}

// hooks is an endpoint on this machine under the name that its certificate is for.
type hooks struct {
	url, port string
	reached   atomic.Int32
	roots     *x509.CertPool
}

const hooksName = "example.com" // in the certificate of httptest

func openHooks(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{roots: x509.NewCertPool()}
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { h.reached.Add(1) }))
	t.Cleanup(server.Close)
	h.roots.AddCert(server.Certificate())
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h.port = ":" + port
	h.url = "https://" + hooksName + h.port
	return h
}

// sender is one that trusts the endpoint's certificate.
func (h *hooks) sender(t *testing.T, local bool, dialer *net.Dialer) *Sender {
	t.Helper()
	s := newSender(local, dialer)
	transport, ok := s.client.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("the transport is a %T", s.client.Transport)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: h.roots, MinVersion: tls.VersionTLS12}
	return s
}

// The guard is on the address that is dialled, so a name does not get around it: not even one that led elsewhere when it
// was looked up before. The same name and the same server are reached without the guard, so that nothing else holds it off.
func TestPrivateNetworksAreNotReached(t *testing.T) {
	h, dns := openHooks(t), new(names)
	loopback := netip.MustParseAddr("127.0.0.1")
	endpoint := webhooks.Endpoint{URL: h.url, Secret: webhooks.NewSecret()}
	dns.resolve(loopback)
	if result := h.sender(t, true, dns.dialer()).Send(t.Context(), endpoint, delivery(), at); !result.Delivered() || h.reached.Load() != 1 {
		t.Fatalf("without the guard: %+v, reached %d times", result, h.reached.Load())
	}
	guarded := h.sender(t, false, dns.dialer())
	if result := guarded.Send(t.Context(), endpoint, delivery(), at); result.Error != "the address is in a private network" {
		t.Fatalf("the guard lets this machine through, so nothing further is dialled: %+v", result)
	}
	tried := 0
	for ip, what := range refusedAddresses(t) {
		if ip.Zone() != "" { // which no name server returns
			continue
		}
		tried++
		dns.resolve(ip)
		result := guarded.Send(t.Context(), endpoint, delivery(), at)
		if result.Status != 0 || result.Error != "the address is in a private network" || dns.questions() == 0 {
			t.Fatalf("a name that leads to %s (%s): %+v, looked up %d times", ip, what, result, dns.questions())
		}
	}
	dns.resolve(loopback, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("fd00:ec2::254"))
	if result := guarded.Send(t.Context(), endpoint, delivery(), at); result.Error != "the address is in a private network" {
		t.Errorf("a name that leads to several: %+v", result)
	}
	for _, literal := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"} {
		result := guarded.Send(t.Context(), webhooks.Endpoint{URL: "https://" + literal + h.port, Secret: webhooks.NewSecret()}, delivery(), at)
		if result.Error != "the address must be a public internet address" {
			t.Errorf("%s: %+v", literal, result)
		}
	}
	if n := h.reached.Load(); n != 1 {
		t.Errorf("the endpoint was reached %d times, of which once without the guard", n)
	}
	if t.Logf("%d addresses behind a name", tried); tried < 350 {
		t.Errorf("only %d addresses were tried", tried)
	}
}

// proxy is a listener that the environment names as the proxy for everything; it counts who comes. It is one for the whole
// process, since net/http reads the environment once.
var proxy = sync.OnceValues(func() (*httptest.Server, *atomic.Int32) {
	came := new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			came.Add(1)
		}
	}
	server.Start()
	return server, came
})

// A proxy would dial in our place, unguarded.
func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	server, came := proxy()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, server.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	h, dns := openHooks(t), new(names)
	dns.resolve(netip.MustParseAddr("127.0.0.1"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if chosen, err := http.ProxyFromEnvironment(request); err != nil || chosen == nil || chosen.String() != server.URL {
		t.Fatalf("the environment's proxy is %v, %v: the test would prove nothing", chosen, err)
	}
	result := h.sender(t, true, dns.dialer()).Send(t.Context(), webhooks.Endpoint{URL: h.url, Secret: webhooks.NewSecret()}, delivery(), at)
	if !result.Delivered() || h.reached.Load() != 1 {
		t.Errorf("result %+v, reached %d times", result, h.reached.Load())
	}
	// What the guarded one dials is refused before it is reached, so its proxy is looked at.
	for _, local := range []bool{true, false} {
		transport, ok := NewSender(local).client.Transport.(*http.Transport)
		if !ok || transport.Proxy != nil {
			t.Errorf("local %t: the transport is %T, with a proxy", local, NewSender(local).client.Transport)
		}
	}
	if n := came.Load(); n != 0 {
		t.Errorf("the proxy was called %d times", n)
	}
}

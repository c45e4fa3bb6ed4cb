package webhooks

import (
	"net/netip"
	"net/url"
)

// CheckURL returns what is wrong with an endpoint's address, worded to follow
// its name; empty if nothing is. Local addresses, also without encryption, are
// for development.
func CheckURL(text string, local bool) string {
	const rule = `must be a URL such as "https://example.com/hooks", without a user or a fragment`
	address, err := url.Parse(text)
	if err != nil || address.Hostname() == "" || address.User != nil || address.Fragment != "" || address.Opaque != "" {
		return rule
	}
	ip, err := netip.ParseAddr(address.Hostname())
	isIP := err == nil
	loopback := address.Hostname() == "localhost" || isIP && ip.IsLoopback()
	switch {
	case local && loopback && (address.Scheme == "http" || address.Scheme == "https"):
		return ""
	case address.Scheme != "https":
		return rule
	case !local && (address.Hostname() == "localhost" || isIP && !Public(ip)):
		return "must be a public internet address"
	}
	return ""
}

// unicast is all of IPv6 that is assigned to the public internet so far.
// Outside it are, among others, addresses that embed an IPv4 address
// (compatible, mapped, translated by NAT64), local networks, and multicast.
var unicast = netip.MustParsePrefix("2000::/3")

// reserved are the networks that look public but are not, from IANA's registries
// of special-purpose addresses. A reachable block within one of them is refused
// with the rest.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // carriers' own
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // relays of 6to4
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}

// Public reports whether an address is one of the public internet.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" || ip.Is6() && !unicast.Contains(ip) {
		return false
	}
	for _, network := range reserved {
		if network.Contains(ip) {
			return false
		}
	}
	return true
}

package edge

import (
	"github.com/parley-rtc/parley/gateway/porch"
)

// visitors is how many connections there may be beside those of clients, however small the limits are: of who loads a page,
// or is to be told that the gateway is full.
const visitors = 64

// Porch returns how many connections may stand before the gateway, where the process has places for so many; 0: as many
// as come. A client on polling has two connections, so twice the limits on clients, and visitors. Of those that have said
// nothing a quarter of all may stand, and of one address at most half of these; an address may have half of all, beside its
// WebSockets. Where there is no limit on an address's clients, there is none on its connections. Proxies are exempt.
func (l Limits) Porch(places int, proxies Proxies) porch.Config {
	most := doubled(l.MaxConns)
	if places > 0 {
		most = min(most, places)
	}
	silent := min(max(most/4, visitors), most)
	c := porch.Config{
		Max: most, MaxSilent: silent, Exempt: proxies.Trust, IPv6Prefix: l.IPv6Prefix,
	}
	if l.MaxConnsPerAddress < None {
		c.MaxPerAddress = max(1, min(doubled(l.MaxConnsPerAddress), most/2))
		c.MaxSilentPerAddress = max(1, min(l.MaxConnsPerAddress+visitors, silent/2))
	}
	return c
}

// doubled returns twice a limit and the visitors, unless it is none.
func doubled(limit int) int {
	if limit > (None-visitors)/2 {
		return None
	}
	return 2*limit + visitors
}

package relay

import (
	"net"
	"net/netip"
	"sync"
)

// quotas count allocations.
type quotas struct {
	cfg Config

	mu    sync.Mutex // guards the fields below
	users map[string]int
	from  map[netip.Prefix]int
	all   int
}

func newQuotas(cfg Config) *quotas {
	return &quotas{cfg: cfg, users: map[string]int{}, from: map[netip.Prefix]int{}}
}

func (q *quotas) may(user string, from net.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := func(n, most int) bool { return most > 0 && n >= most }
	return !full(q.all, q.cfg.Total) && !full(q.users[user], q.cfg.PerUser) && !full(q.from[network(from)], q.cfg.PerAddress)
}

func (q *quotas) created(user string, from net.Addr) (all int) { return q.add(user, from, 1) }

func (q *quotas) deleted(user string, from net.Addr) (all int) { return q.add(user, from, -1) }

func (q *quotas) add(user string, from net.Addr, n int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := network(from)
	q.all += n
	if q.users[user] += n; q.users[user] <= 0 {
		delete(q.users, user)
	}
	if q.from[at] += n; q.from[at] <= 0 {
		delete(q.from, at)
	}
	return q.all
}

// network is what counts as one client's address: of IPv6 a /64.
func network(from net.Addr) netip.Prefix {
	ip := addrPort(from).Addr()
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits)
	return p
}

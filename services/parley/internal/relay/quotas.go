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

// may reports whether there may be one more allocation, by what is known before it is made.
func (q *quotas) may(user string, from net.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !full(q.all, q.cfg.Total) && !full(q.users[user], q.cfg.PerUser) && !full(q.from[network(from)], q.cfg.PerAddress)
}

func full(n, most int) bool { return most > 0 && n >= most }

// opens counts an allocation that is made, of a user and of all, or reports that there may be no more: others may have come since may said so.
func (q *quotas) opens(user string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if full(q.all, q.cfg.Total) || full(q.users[user], q.cfg.PerUser) {
		return false
	}
	q.all++
	q.users[user]++
	return true
}

func (q *quotas) closes(user string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	if q.users[user]--; q.users[user] <= 0 {
		delete(q.users, user)
	}
}

// created counts an allocation of an address, and reports whether there may be so many: others may have come since may said so.
func (q *quotas) created(from net.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := network(from)
	q.from[at]++
	return q.cfg.PerAddress <= 0 || q.from[at] <= q.cfg.PerAddress
}

func (q *quotas) deleted(from net.Addr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := network(from)
	if q.from[at]--; q.from[at] <= 0 {
		delete(q.from, at)
	}
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

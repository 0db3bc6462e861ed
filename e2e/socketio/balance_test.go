package socketio_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// balance starts two gateways behind a proxy that sends each HTTP request to the other one.
func balance(t *testing.T, args ...string) string {
	t.Helper()
	nats := harness.StartNATS(t)
	site := harness.StartSite(t, nats.URL, 2, 1, append([]string{"--trusted-proxy", "127.0.0.1", "--rate", "0"}, args...), nil)
	var next atomic.Uint64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		gateway := site.Gateways[next.Add(1)%2]
		r.SetURL(&url.URL{Scheme: "http", Host: gateway.Addr(t, "clients")})
		r.SetXForwarded()
	}}
	server := httptest.NewUnstartedServer(proxy)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return server.URL
}

func TestTwoGatewaysBehindARoundRobinProxyNeedNoStickiness(t *testing.T) {
	t.Parallel()
	at := balance(t)
	n := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			everyEvent(t, n, h, at, h.String())
			signalsAcross(t, n, h, at)
		})
	}
}

// signalsAcross has two clients that connect alike send each other signals from the start.
func signalsAcross(t *testing.T, n *node, h how, at string) {
	t.Helper()
	room := "order " + h.String()
	a, b := n.open(t, h, at, room+" a"), n.begin(t, h, at, room+" b")
	a.emit("room-create", room)
	a.want("room-created", room)
	b.connected()
	b.emit("room-join", room)
	b.want("room-joined", room, a.id, []string{string(a.id)})
	a.want("client-joined", room, b.id)
	for _, pair := range [][2]*client{{a, b}, {b, a}} {
		n.do(t, map[string]any{
			"do": "burst", "client": pair[0].name, "room": room, "target": pair[1].id, "from": 0, "count": 200,
		})
	}
	for i := range 200 {
		data := map[string]any{"i": i, "pad": "é🚋"}
		a.want("signal-receive", room, b.id, data)
		b.want("signal-receive", room, a.id, data)
	}
	for _, c := range []*client{a, b} {
		n.do(t, map[string]any{"do": "close", "client": c.name})
	}
}

func TestAGatewayThatDiesTakesOnlyItsOwnSessionsWithIt(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	site := harness.StartSite(t, nats.URL, 2, 1, nil, nil)
	n := startNode(t)
	first, second := site.Gateways[0], site.Gateways[1]
	stays := n.open(t, how{version: 4}, "http://"+second.Addr(t, "clients"), "stays")
	goes := n.open(t, how{version: 4, transports: []string{"polling"}}, "http://"+first.Addr(t, "clients"), "goes")
	room := fmt.Sprintf("room %d", first.PID())
	stays.emit("room-create", room)
	stays.want("room-created", room)
	goes.emit("room-join", room)
	goes.want("room-joined", room, stays.id, []string{string(stays.id)})
	stays.want("client-joined", room, goes.id)
	first.Kill(t)
	stays.want("client-left", room, goes.id)
	goes.await(t, goes.name, func(h heard) bool { return h.Event == "#disconnect" })
}

package gateway

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// remote hands a Socket.IO session's requests to the gateway that it lives on: any load balancer will do.
type remote struct{ g *Gateway }

// Call implements socketio.Remote.
func (r remote) Call(ctx context.Context, gateway proto.GatewayID, request []byte) ([]byte, error) {
	m, err := r.g.conn.RequestWithContext(ctx, r.g.subjects.GatewayEngine(gateway), request)
	if err != nil {
		return nil, fmt.Errorf("gateway %s: %w", gateway, err)
	}
	return m.Data, nil
}

// fromGateway handles what another gateway hands over. It may wait for as long as a poll is held, on its own goroutine.
func (g *Gateway) fromGateway(m *nats.Msg) {
	if !g.subjects.ReplyAllowed(m.Reply) {
		g.metrics.stray.Inc()
		return
	}
	g.spawn(func() {
		_ = m.Respond(g.front.engine.HandleRemote(g.work, m.Data)) // an answer that cannot be sent is one that was lost
	})
}

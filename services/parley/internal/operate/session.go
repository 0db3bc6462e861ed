package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// awayWithin is how long a gateway is waited for that is asked who is away.
const awayWithin = time.Second

// sessionView is what is shown of a member's session that may be resumed.
type sessionView struct {
	Gateway proto.GatewayID `json:"gateway"`
	Turn    int64           `json:"turn"` // of its connection, from 1
	Keep    int             `json:"keep"` // seconds that it outlives its connection
	Away    bool            `json:"away"` // its gateway says that it has no connection
}

// String returns what stands behind the member's id.
func (s sessionView) String() string {
	switch {
	case s.Turn == 0:
		return ""
	case s.Away:
		return fmt.Sprintf("  turn %d, kept %d s, away", s.Turn, s.Keep)
	}
	return fmt.Sprintf("  turn %d, kept %d s", s.Turn, s.Keep)
}

// sessions reads which sessions of a room's members may be resumed, and asks their gateways who is away.
func (c *conn) sessions(ctx context.Context, room proto.Room, header string) (map[proto.ClientID]sessionView, error) {
	views := map[proto.ClientID]sessionView{}
	if header == "" {
		return views, nil
	}
	stays, err := proto.DecodeStays(header)
	if err != nil {
		return nil, fmt.Errorf("the room service's answer: %w", err)
	}
	away := map[proto.GatewayID]map[proto.ClientID]bool{}
	for _, id := range stays.Order {
		s := stays.Members[id]
		if away[s.Gateway] == nil {
			if away[s.Gateway], err = c.away(ctx, room, s.Gateway); err != nil {
				return nil, err
			}
		}
		views[id] = sessionView{s.Gateway, s.Turn, s.Keep, away[s.Gateway][id]}
	}
	return views, nil
}

// away asks a gateway which members of a room are away there. Nobody is known to be where the gateway is gone, or does not say it.
func (c *conn) away(ctx context.Context, room proto.Room, gateway proto.GatewayID) (map[proto.ClientID]bool, error) {
	m := nats.NewMsg(c.subjects.GatewayAway(gateway))
	m.Data = proto.AppendRequest(nil, proto.OpRoster, &proto.Request{Room: room})
	gone := map[proto.ClientID]bool{}
	ctx, cancel := context.WithTimeout(ctx, awayWithin)
	defer cancel()
	answer, err := c.request(ctx, m)
	if errors.Is(err, errDenied) || errors.Is(err, errNobody) || errors.Is(err, errSilence) {
		return gone, nil
	}
	if err != nil {
		return nil, err
	}
	var who struct {
		Clients []proto.ClientID `json:"clients"`
	}
	if err := json.Unmarshal(answer.Data, &who); err != nil {
		return nil, fmt.Errorf("the answer of the gateway %s: %w", quote(string(gateway)), err)
	}
	for _, id := range who.Clients {
		gone[id] = true
	}
	return gone, nil
}

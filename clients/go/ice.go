package parley

import (
	"context"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// ICEServer is a STUN or TURN server, as the configuration of a peer connection has it.
type ICEServer struct {
	URLs       []string
	Username   string // empty of those that need no credentials
	Credential string
}

// ICEServers asks for the STUN and TURN servers that the server has for its clients, with credentials that count for so long. Ask again for a
// connection that is made after half of that time. Only who is in a room is told: others hear "forbidden". An older server knows no such request.
func (c *Client) ICEServers(ctx context.Context) ([]ICEServer, time.Duration, error) {
	a, err := c.ask(ctx, &request{frame: proto.Frame{Name: proto.ICE}})
	if err != nil || a.event.More == nil {
		return nil, 0, err
	}
	servers := make([]ICEServer, len(a.event.More.ICEServers))
	for i, s := range a.event.More.ICEServers {
		servers[i] = ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential}
	}
	return servers, time.Duration(a.event.More.TTL) * time.Second, nil
}

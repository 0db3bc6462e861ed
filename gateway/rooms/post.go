package rooms

import "github.com/parley-rtc/parley/proto"

// posts gathers what is said to gateways, one message each, in the order in which they were first named.
type posts struct {
	begin proto.Peer // what each message says beside its pairs
	to    map[proto.GatewayID]*proto.Peer
	order []proto.GatewayID
}

// posts begins to gather.
func (c *Core) posts(begin proto.Peer) posts {
	begin.From = c.cfg.Self
	return posts{begin: begin, to: make(map[proto.GatewayID]*proto.Peer)}
}

// add adds a pair to what a gateway is told. One that is not known is told nothing.
func (p *posts) add(gateway proto.GatewayID, pair *proto.PeerPair) {
	if gateway == "" {
		return
	}
	say := p.to[gateway]
	if say == nil {
		say = new(proto.Peer)
		*say = p.begin
		p.to[gateway] = say
		p.order = append(p.order, gateway)
	}
	say.Pairs = append(say.Pairs, *pair)
}

// post sends what has been gathered.
func (c *Core) post(p *posts) {
	for _, gateway := range p.order {
		c.emit(Out{Kind: Post, Gateway: gateway, Say: p.to[gateway]})
	}
}

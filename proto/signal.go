package proto

import (
	"bytes"
	"math"
)

// DecodeSignal reads the payload of a signal's request from a gateway, which has checked the data when it read it from a
// socket: in the layout of [AppendRequest] the data is passed on unread. Any other layout is left to [DecodeRequest].
// The request's data is part of b.
func DecodeSignal(b []byte) (Request, error) {
	if r, ok := scanRequest(b); ok {
		return r, nil
	}
	return DecodeRequest(OpSignal, b)
}

// scanRequest reads the layout of a signal's request. It refuses what [DecodeRequest] would, but for bad data. All strings of the
// request are one allocation.
func scanRequest(b []byte) (Request, bool) {
	head, data, found := bytes.Cut(b, []byte(`,"data":`)) // the first: before it stand names without quotes
	if !found {
		return Request{}, false
	}
	all := string(head)
	c := cursor{b: head}
	c.literal(`{"room":"`)
	r := Request{Room: Room(c.text(all))}
	c.literal(`,"clientId":"`)
	r.ClientID = ClientID(c.text(all))
	c.literal(`,"gateway":"`)
	r.Gateway = GatewayID(c.text(all))
	if c.optional(`,"turn":`) {
		r.Turn = c.within(MaxTurn)
	}
	if c.optional(`,"sub":"`) {
		r.Sub = c.visible(all)
	}
	c.literal(`,"targetId":"`)
	r.TargetID = ClientID(c.text(all))
	c.literal(`,"n":`)
	minus := c.optional(`-`)
	r.N = c.within(math.MaxInt64)
	if minus {
		r.N = -r.N
	}
	if c.bad || len(c.b) > 0 || len(data) < 2 || data[len(data)-1] != '}' {
		return Request{}, false
	}
	r.Data = data[:len(data)-1]
	switch {
	case r.Room == "", len(r.Room) > MaxRoomName, len(r.ClientID) < 20, len(r.ClientID) > 64, r.Gateway == "", len(r.Gateway) > 64,
		r.TargetID == "", r.TargetID == r.ClientID, len(r.Sub) > MaxSub:
		return Request{}, false
	}
	return r, true
}

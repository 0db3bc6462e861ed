package proto

import (
	"bytes"
	"strconv"
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

// scanRequest reads the layout of a signal's request. It refuses what [DecodeRequest] would, but for bad data.
func scanRequest(b []byte) (Request, bool) {
	s, ok := bytes.CutPrefix(b, []byte(`{"room":"`))
	if !ok {
		return Request{}, false
	}
	room, s, ok := cutPlain(s, `,"clientId":"`)
	if !ok || room == "" || len(room) > MaxRoomName {
		return Request{}, false
	}
	client, s, ok := cutPlain(s, `,"gateway":"`)
	if !ok || len(client) < 20 || len(client) > 64 {
		return Request{}, false
	}
	gateway, s, ok := cutPlain(s, `,"`)
	if !ok || gateway == "" || len(gateway) > 64 {
		return Request{}, false
	}
	turn, s, ok := cutTurn(s)
	if !ok {
		return Request{}, false
	}
	target, s, ok := cutPlain(s, `,"n":`)
	if !ok || target == "" || target == client {
		return Request{}, false
	}
	digits := bytes.IndexByte(s, ',')
	if digits <= 0 || s[0] == '+' || s[0] == '0' && digits > 1 {
		return Request{}, false
	}
	n, err := strconv.ParseInt(string(s[:digits]), 10, 64)
	if err != nil {
		return Request{}, false
	}
	data, ok := bytes.CutPrefix(s[digits:], []byte(`,"data":`))
	if !ok || len(data) < 2 || data[len(data)-1] != '}' {
		return Request{}, false
	}
	return Request{
		Room: Room(room), ClientID: ClientID(client), Gateway: GatewayID(gateway), Turn: turn, TargetID: ClientID(target), N: n,
		Data: data[:len(data)-1],
	}, true
}

// cutTurn splits a request's turn, if it has one, from what follows its target's name.
func cutTurn(s []byte) (int64, []byte, bool) {
	c, turn := cursor{b: s}, int64(0)
	if c.optional(`turn":`) {
		turn = c.within(MaxTurn)
		c.literal(`,"`)
	}
	c.literal(`targetId":"`)
	return turn, c.b, !c.bad
}

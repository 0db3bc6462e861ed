package proto

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendPeer appends a message's JSON, without the members that are empty. Signals stand in it byte for byte.
func AppendPeer(b []byte, p *Peer) []byte {
	b = append(b, `{"event":`...)
	b = appendString(b, string(p.Kind))
	b = appendField(b, "from", string(p.From))
	b = appendText(b, "room", string(p.Room))
	b = appendText(b, "id", string(p.ID))
	b = appendText(b, "senderId", string(p.SenderID))
	b = appendText(b, "targetId", string(p.TargetID))
	b = appendNumber(b, "turn", p.Turn)
	b = appendNumber(b, "since", p.Since)
	b = appendNumber(b, "senderSince", p.SenderSince)
	b = appendNumber(b, "seq", p.Seq)
	b = appendNumber(b, "n", p.N)
	b = appendText(b, "state", string(p.State))
	b = appendText(b, "gateway", string(p.Gateway))
	if p.Fresh {
		b = append(b, `,"fresh":true`...)
	}
	b = appendNumber(b, "of", p.Of)
	b = appendNumber(b, "nextTurn", p.NextTurn)
	b = appendNumber(b, "page", int64(p.Page))
	if p.More {
		b = append(b, `,"more":true`...)
	}
	if len(p.Pairs) == 0 {
		return append(b, '}')
	}
	b = append(b, `,"pairs":[`...)
	for i := range p.Pairs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPair(b, &p.Pairs[i])
	}
	return append(b, `]}`...)
}

func appendPair(b []byte, p *PeerPair) []byte {
	start := len(b)
	b = appendText(b, "room", string(p.Room))
	b = appendText(b, "senderId", string(p.SenderID))
	b = appendText(b, "targetId", string(p.TargetID))
	b = appendNumber(b, "turn", p.Turn)
	b = appendNumber(b, "since", p.Since)
	b = appendNumber(b, "senderSince", p.SenderSince)
	b = appendNumber(b, "n", p.N)
	b = appendNumber(b, "sure", p.Sure)
	b = appendText(b, "gateway", string(p.Gateway))
	if len(p.Recent) > 0 {
		b = append(b, `,"recent":[`...)
		for i, n := range p.Recent {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, n, 10)
		}
		b = append(b, ']')
	}
	if len(p.Signals) > 0 {
		b = appendSignals(b, p.Signals)
	}
	if len(b) == start {
		return append(b, `{}`...)
	}
	b[start] = '{' // instead of the first member's comma
	return append(b, '}')
}

// appendText appends a member whose value is a string, unless that is empty.
func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendField(b, name, value)
}

// appendNumber appends a member whose value is a number, unless that is 0 or less.
func appendNumber[N int64 | uint64](b []byte, name string, value N) []byte {
	if value <= 0 {
		return b
	}
	return appendUint(b, name, uint64(value))
}

// DecodePeer reads a message. The error wraps [ErrPeer].
func DecodePeer(b []byte) (Peer, error) {
	p, ok := scanPushed(b)
	if !ok {
		var slow Peer // it is on the heap
		if err := decodeOfPeer(b, &slow); err != nil {
			return Peer{}, err
		}
		p = slow
	}
	if !p.sound() {
		return Peer{}, fmt.Errorf("%w: it has no kind, says not whom it is from, or has a bad name or number", ErrPeer)
	}
	return p, nil
}

// decodeOfPeer reads JSON of another gateway into v. The signals in it may have lone surrogates, and no other text.
func decodeOfPeer(b []byte, v any) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: it is not UTF-8", ErrPeer)
	}
	if err := json.Unmarshal(b, v, loneSurrogates, wholeRooms); err != nil {
		return fmt.Errorf("%w: %w", ErrPeer, err)
	}
	return nil
}

// wholeRooms lets no room become another one by a lone surrogate. An id that has one is no id any more.
var wholeRooms = json.WithUnmarshalers(json.UnmarshalFunc(func(b []byte, r *Room) error {
	name, ok := unquote(b)
	if !ok {
		return ErrRoomName
	}
	*r = Room(name)
	return nil
}))

// scanPushed reads the answer to a push, of which there is one for each signal, in the layout of [AppendPeer]. The room's name has to
// be plain.
func scanPushed(b []byte) (Peer, bool) {
	c := cursor{b: b}
	if !c.optional(`{"event":"pushed","from":"`) {
		return Peer{}, false
	}
	all := string(b)
	p := Peer{Kind: Pushed}
	p.From = GatewayID(c.text(all))
	c.literal(`,"room":"`)
	p.Room = Room(c.text(all))
	c.literal(`,"senderId":"`)
	p.SenderID = ClientID(c.text(all))
	c.literal(`,"targetId":"`)
	p.TargetID = ClientID(c.text(all))
	if c.optional(`,"turn":`) {
		p.Turn = c.within(MaxTurn)
	}
	if c.optional(`,"since":`) {
		p.Since = c.number()
	}
	if c.optional(`,"senderSince":`) {
		p.SenderSince = c.number()
	}
	if c.optional(`,"n":`) {
		p.N = c.within(MaxNumber)
	}
	c.literal(`,"state":"`)
	p.State = Took(c.text(all))
	if c.optional(`,"gateway":"`) {
		p.Gateway = GatewayID(c.text(all))
	}
	c.literal(`}`)
	return p, !c.bad && len(c.b) == 0
}

// sound reports whether the message says what it is and whom it is from, and every name and number in it is one that may be.
func (p *Peer) sound() bool {
	return p.Kind != "" && p.From != "" && addressable(p.From) && (p.Room == "" || p.Room.Check() == nil) && addressable(p.ID) &&
		addressable(p.SenderID) && addressable(p.TargetID) && addressable(p.Gateway) &&
		within(p.Turn, MaxTurn) && within(p.Of, MaxTurn) &&
		within(p.NextTurn, MaxTurn) && p.Page >= 0 && within(p.N, MaxNumber) && !slices.ContainsFunc(p.Pairs, PeerPair.unsound)
}

func (p PeerPair) unsound() bool {
	return p.Room != "" && p.Room.Check() != nil || !addressable(p.SenderID) || !addressable(p.TargetID) || !addressable(p.Gateway) ||
		!within(p.Turn, MaxTurn) || !numbers(p.N, p.Sure) || !numbers(p.Recent...) || !objects(p.Signals)
}

// numbers reports whether all may be numbers of signals, or 0.
func numbers(of ...int64) bool {
	return !slices.ContainsFunc(of, func(n int64) bool { return !within(n, MaxNumber) })
}

func within(n, most int64) bool { return n >= 0 && n <= most }

// objects reports whether all look like JSON objects, as signals are.
func objects(signals []jsontext.Value) bool {
	return !slices.ContainsFunc(signals, func(s jsontext.Value) bool {
		return len(s) < len(`{}`) || s[0] != '{' || s[len(s)-1] != '}'
	})
}

package proto

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrPeer is wrapped by what [DecodePeer] and [DecodePush] return.
var ErrPeer = errors.New("bad message of a gateway")

// Push hands signals of one sender to one target, in one room, to the target's gateway. They stand in the sender's order.
type Push struct {
	From        GatewayID // the keeper, which hears the answer
	Target      ClientID
	Turn        int64  // of the target, as the keeper knows it
	Since       uint64 // of the target's stay
	SenderSince uint64 // of the sender's stay
	// Prev is the number of the sender's signal to that target in that room before the first of these that the keeper still keeps; 0: there is
	// none. A gateway that has not taken it refuses these: [TookGap].
	Prev    int64
	Signals []jsontext.Value // signal-receive with n each, as the target's socket receives them
}

// onlySignal stands before a push's signals where there is one.
const onlySignal = `,"count":1,"signals":[`

// AppendPush appends a push's JSON: {"from","targetId","turn","since","senderSince","prev","count","signals":[…]}. Signals stand in it
// byte for byte.
func AppendPush(b []byte, p *Push) []byte {
	b = append(b, `{"from":`...)
	b = appendString(b, string(p.From))
	b = appendField(b, "targetId", string(p.Target))
	b = appendUint(b, "turn", uint64(max(p.Turn, 0)))
	b = appendUint(b, "since", p.Since)
	b = appendUint(b, "senderSince", p.SenderSince)
	b = appendUint(b, "prev", uint64(max(p.Prev, 0)))
	b = appendUint(b, "count", uint64(len(p.Signals)))
	b = appendSignals(b, p.Signals)
	return append(b, '}')
}

func appendSignals(b []byte, signals []jsontext.Value) []byte {
	b = append(b, `,"signals":[`...)
	for i, s := range signals {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, s...)
	}
	return append(b, ']')
}

// DecodePush reads a push. A single signal, in the layout of [AppendPush], is passed on unread, and shares memory with b. The error
// wraps [ErrPeer].
func DecodePush(b []byte) (Push, error) {
	p, ok := scanPush(b)
	count := 1
	if !ok {
		var w struct {
			From        GatewayID        `json:"from"`
			Target      ClientID         `json:"targetId"`
			Turn        int64            `json:"turn"`
			Since       uint64           `json:"since"`
			SenderSince uint64           `json:"senderSince"`
			Prev        int64            `json:"prev"`
			Count       int              `json:"count"`
			Signals     []jsontext.Value `json:"signals"`
		}
		if err := decodeOfPeer(b, &w); err != nil {
			return Push{}, err
		}
		count = w.Count
		p = Push{From: w.From, Target: w.Target, Turn: w.Turn, Since: w.Since, SenderSince: w.SenderSince, Prev: w.Prev, Signals: w.Signals}
	}
	switch {
	case p.From == "" || !addressable(p.From) || p.Target == "" || !addressable(p.Target):
		return Push{}, fmt.Errorf("%w: it says not whom it is from, or for", ErrPeer)
	case p.Turn < 1 || p.Turn > MaxTurn || !numbers(p.Prev):
		return Push{}, fmt.Errorf("%w: turn %d, prev %d", ErrPeer, p.Turn, p.Prev)
	case count < 1 || len(p.Signals) != count || !objects(p.Signals):
		return Push{}, fmt.Errorf("%w: %d signals, of %d", ErrPeer, len(p.Signals), count)
	}
	return p, nil
}

// scanPush reads a push of one signal in the layout of [AppendPush].
func scanPush(b []byte) (Push, bool) {
	head, signal, _ := bytes.Cut(b, []byte(onlySignal))
	signal, ends := bytes.CutSuffix(signal, []byte(`]}`))
	c := cursor{b: head}
	if !ends || !c.optional(`{"from":"`) {
		return Push{}, false
	}
	all := string(head)
	p := Push{From: GatewayID(c.text(all))}
	c.literal(`,"targetId":"`)
	p.Target = ClientID(c.text(all))
	c.literal(`,"turn":`)
	p.Turn = c.within(MaxTurn)
	c.literal(`,"since":`)
	p.Since = c.number()
	c.literal(`,"senderSince":`)
	p.SenderSince = c.number()
	c.literal(`,"prev":`)
	p.Prev = c.within(MaxNumber)
	p.Signals = []jsontext.Value{signal}
	return p, !c.bad && len(c.b) == 0
}

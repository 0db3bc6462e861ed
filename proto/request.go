package proto

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrRequest is wrapped by what [DecodeRequest] returns: the answer is an error event with code bad-request.
var ErrRequest = errors.New("bad request")

// Request is the payload of a request over NATS. Which members stand depends on the operation.
type Request struct {
	Room     Room           `json:"room"`
	ClientID ClientID       `json:"clientId"`    // all but roster and list
	Gateway  GatewayID      `json:"gateway"`     // all but roster and list
	Turn     int64          `json:"turn"`        // all but roster and list, of a session with a key: which connection of it asks
	Keep     int            `json:"keep"`        // create, join, enter, resume, with a turn: seconds
	Policy   Policy         `json:"onOwnerGone"` // create, enter
	Seq      uint64         `json:"seq"`         // resume: the last of the room that the client has taken note of
	Fresh    bool           `json:"fresh"`       // resume: it has no peer connections any more
	Joined   RequestID      `json:"joined"`      // leave, close: the request whose membership it ends; empty ends any
	Lost     bool           `json:"lost"`        // leave: the connection ended
	TargetID ClientID       `json:"targetId"`    // signal
	N        int64          `json:"n"`           // signal: grows with each signal of a sender
	Data     jsontext.Value `json:"data"`        // signal
	After    Room           `json:"after"`       // list: the name to go on after
	Limit    int            `json:"limit"`       // list: at most [MaxList], which 0 stands for

	// What a gateway says of a client that has a token. Without Sub the gateway asks for none.
	Sub    string         `json:"sub"`    // on every request
	Can    Grants         `json:"can"`    // on all but signals: what the token grants in this room
	User   string         `json:"user"`   // create, join, enter, resume, member, knock
	Claims jsontext.Value `json:"claims"` // likewise

	// Of names and moderation.
	Meta    jsontext.Value `json:"meta"`    // create, join, enter, member, knock: the client's own word, a JSON object; nil: none, of member: as it is
	Proof   string         `json:"proof"`   // join, enter, knock: the [PasswordProof] of the room's password
	From    string         `json:"from"`    // with Proof, and of a knock, of a client without a token: what it is counted by, its address or the network of it
	Seconds int64          `json:"seconds"` // ban
	Message string         `json:"message"` // kick, ban: a word to who is removed
	Update  *Update        `json:"update"`  // update
	Reason  Reason         `json:"reason"`  // leave: forbidden, where a new token allows the room no more; else empty
	Gone    bool           `json:"gone"`    // knock: it has ended
	// Banned is whom a ban or unban is of, where no TargetID stands; revoke: the sub or user whose tokens count no more.
	Banned string `json:"banned"`
	Before int64  `json:"before"` // revoke: tokens issued before this, in seconds since 1970
	Until  int64  `json:"until"`  // revoke: when that may be forgotten, in seconds since 1970

	// Admin is set where an operator asks, over parley.admin. It is not in the JSON.
	Admin bool `json:"-"`
}

// Who returns what a member bears that asks to be one: what its token says of it, and its own word.
func (r *Request) Who() *Who {
	mod := r.Can.Has(MayModerate)
	if r.Sub == "" && r.User == "" && r.Claims == nil && r.Meta == nil && !mod {
		return nil
	}
	return &Who{Sub: r.Sub, User: r.User, Claims: r.Claims, Meta: r.Meta, Mod: mod}
}

// May reports whether a request's token grants something in its room. Without a token everything is granted but to moderate.
func (r *Request) May(asked Grants) bool {
	if r.Sub == "" {
		return !asked.Has(MayModerate)
	}
	return r.Can.Has(asked)
}

// DecodeRequest reads and checks the payload of a request. The error wraps [ErrRequest] and says what to mend.
func DecodeRequest(op Op, b []byte) (Request, error) {
	if err := checkDepth(b); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	var r Request
	data, err := decodeWithData(b, &r)
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if data != nil {
		r.Data = data
	}
	if jsontext.Value(b).Kind() != '{' { // null is read without an error
		return Request{}, fmt.Errorf("%w: not a JSON object", ErrRequest)
	}
	switch op {
	case OpList:
		if r.Limit < 0 || r.Limit > MaxList {
			return r, fmt.Errorf(`%w: "limit" is %d at most`, ErrRequest, MaxList)
		}
		if r.Limit == 0 {
			r.Limit = MaxList
		}
		return r, nil
	case OpRevoked:
		return r, nil
	default:
	}
	if !slices.Contains(Ops(), op) {
		return r, fmt.Errorf("%w: there is no operation %q", ErrRequest, Clip(string(op)))
	}
	if err := r.Room.Check(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if op == OpRoster {
		return r, nil
	}
	return r, r.check(op)
}

// check checks what a request has beside its room.
func (r *Request) check(op Op) error {
	if err := r.checkAsker(op); err != nil {
		return err
	}
	switch op {
	case OpCreate, OpEnter:
		if err := r.Policy.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrRequest, err)
		}
	case OpLeave, OpClose:
		if r.Joined != "" {
			if err := r.Joined.Check(); err != nil {
				return fmt.Errorf("%w: joined: %w", ErrRequest, err)
			}
		}
	case OpSignal:
		switch {
		case r.TargetID == "":
			return fmt.Errorf(`%w: signal needs "targetId"`, ErrRequest)
		case r.TargetID == r.ClientID:
			return fmt.Errorf("%w: a signal to oneself", ErrRequest)
		case r.Data == nil:
			return fmt.Errorf(`%w: signal needs "data"`, ErrRequest)
		}
		return nil
	default:
	}
	return r.checkMore(op)
}

// checkAsker checks who asks. An operator is no client.
func (r *Request) checkAsker(op Op) error {
	if r.Admin {
		return nil
	}
	if err := r.ClientID.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err := r.Gateway.Check(); err != nil {
		return fmt.Errorf("%w: gateway: %w", ErrRequest, err)
	}
	if r.Turn < 0 || r.Turn > MaxTurn || r.Keep < 0 || r.Keep > MaxKeep || r.Turn == 0 && (op == OpResume || r.Keep > 0) {
		return fmt.Errorf(`%w: "turn" is 1 to %d, "keep" 0 to %d, and not without a turn`, ErrRequest, int64(MaxTurn), MaxKeep)
	}
	return nil
}

// AppendRequest appends a request's payload.
func AppendRequest(b []byte, op Op, r *Request) []byte {
	if op == OpRevoked {
		return append(b, `{}`...)
	}
	if op == OpList {
		b = append(b, `{"after":`...)
		b = appendString(b, string(r.After))
		b = append(b, `,"limit":`...)
		b = strconv.AppendInt(b, int64(r.Limit), 10)
		return append(b, '}')
	}
	b = append(b, `{"room":`...)
	b = appendString(b, string(r.Room))
	if op == OpRoster {
		return append(b, '}')
	}
	if r.Admin {
		return append(r.appendMore(b, op), '}')
	}
	b = appendField(b, "clientId", string(r.ClientID))
	b = appendField(b, "gateway", string(r.Gateway))
	if r.Turn > 0 {
		b = appendUint(b, "turn", uint64(r.Turn))
	}
	if r.Sub != "" {
		b = appendField(b, "sub", r.Sub)
	}
	if op != OpSignal {
		b = r.appendMore(b, op)
	}
	switch op {
	case OpCreate, OpJoin, OpEnter, OpResume:
		if r.Turn > 0 {
			b = appendUint(b, "keep", uint64(max(r.Keep, 0)))
		}
		if r.Policy != "" && (op == OpCreate || op == OpEnter) {
			b = appendField(b, "onOwnerGone", string(r.Policy))
		}
		if op == OpResume {
			b = appendUint(b, "seq", r.Seq)
			b = append(b, `,"fresh":`...)
			b = strconv.AppendBool(b, r.Fresh)
		}
	case OpLeave, OpClose:
		if r.Joined != "" {
			b = appendField(b, "joined", string(r.Joined))
		}
		if op == OpLeave {
			b = append(b, `,"lost":`...)
			b = strconv.AppendBool(b, r.Lost)
		}
	case OpSignal:
		b = appendField(b, "targetId", string(r.TargetID))
		b = append(b, `,"n":`...)
		b = strconv.AppendInt(b, r.N, 10)
		b = append(b, `,"data":`...)
		b = append(b, r.Data...)
	default:
	}
	return append(b, '}')
}

package socketio

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// errTooLarge is wrapped when a packet or a body is beyond its limit.
var errTooLarge = errors.New("too large")

// errHandover is wrapped by what decodes the messages between gateways.
var errHandover = errors.New("malformed handover")

// How sessions are closed from our side, beside what [link] says and what a client has sent.
var (
	closeOverlap = link.Close{Code: 1008, Reason: "two requests at once"}
	closeUnused  = link.Close{Code: 1008, Reason: "no namespace was joined in time"}
	closeNormal  = link.Close{Code: 1000} // the client has asked for it
)

// engineError is what Engine.IO answers in words and numbers.
type engineError int

// Engine.IO's errors, with its numbers.
const (
	codeUnknownTransport engineError = iota
	codeUnknownSID
	codeBadMethod
	codeBadRequest
	codeForbidden
	codeUnsupportedVersion
)

var engineErrors = [...]string{
	"Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden",
	"Unsupported protocol version",
}

func (e engineError) message() string { return engineErrors[e] }

// answer is what a session's home says to a request about it, whichever gateway asks.
type answer struct {
	Refused bool        `json:"refused,omitzero"` // with Error; the status is 400
	Error   engineError `json:"error,omitzero"`
	Overlap bool        `json:"overlap,omitzero"` // refused, with 400 and no words: two requests at once
	Large   bool        `json:"large,omitzero"`   // the status is 413
	Again   bool        `json:"again,omitzero"`   // a poll: nothing yet
	Closed  bool        `json:"closed,omitzero"`  // the session is over, with Code and Reason for a WebSocket
	Code    int         `json:"code,omitzero"`
	Reason  string      `json:"reason,omitzero"`

	Body []byte `json:"-"` // stands after the JSON
}

func refused(e engineError) answer { return answer{Refused: true, Error: e} }

// closedFor is the answer to what ends a session. A POST that is malformed or too large is refused. Any other is answered
// ok all the same, as in Engine.IO; the poll that waits, or the next, brings the end.
func closedFor(err error) answer {
	a := answer{Closed: true, Large: errors.Is(err, errTooLarge)}
	if malformed(err) {
		a.Refused, a.Error = true, codeBadRequest
	}
	if why, ok := closeFor(err); ok {
		a.Code, a.Reason = why.Code, why.Reason
	}
	return a
}

// op is what is asked of a session's home.
type op string

const (
	opPoll   op = "poll"    // a GET
	opPost   op = "post"    // a POST, with its body
	opProbe  op = "probe"   // an upgrade begins
	opHurry  op = "hurry"   // the client has sent its probe
	opCancel op = "cancel"  // it was given up
	opSwitch op = "upgrade" // it ends: the asker carries the WebSocket from now on
	opPull   op = "pull"    // what is to be written to that WebSocket
	opPush   op = "push"    // what was read from it, with packets joined as in a payload of revision 4
	opDrop   op = "drop"    // a request of a client on polling was lost at the asker, or such that it ends the session
	opEnd    op = "end"     // the carried WebSocket is over
)

// request is what is asked of a session's home, with what the checks need that the home makes.
type request struct {
	Op       op     `json:"op"`
	SID      string `json:"sid"`
	Revision int    `json:"revision"`
	Address  string `json:"address"`
	Direct   bool   `json:"direct"`
	Agent    string `json:"agent"`
	Token    string `json:"token,omitzero"`   // of a client of revision 3, which shows it with each request
	Secret   string `json:"secret,omitzero"`  // what the client shows as the cookie of a session of revision 3
	Attempt  string `json:"attempt,omitzero"` // names the attempt to upgrade that it is about
	Reason   string `json:"reason,omitzero"`

	Body []byte `json:"-"`
}

// carries reports whether a request is about a WebSocket that was admitted when its attempt to upgrade began.
func (r *request) carries() bool {
	switch r.Op {
	case opHurry, opCancel, opSwitch, opPull, opPush, opEnd:
		return true
	case opPoll, opPost, opProbe, opDrop:
	}
	return false
}

// encode returns the bytes between gateways: a line of JSON, then the body as it is.
func encode(head any, body []byte) []byte {
	b, err := json.Marshal(head)
	if err != nil {
		panic("socketio: " + err.Error()) // the types above always encode
	}
	b = append(b, '\n')
	return append(b, body...)
}

// decode reads what encode made, and returns the body.
func decode(b []byte, head any) ([]byte, error) {
	line, body, found := bytes.Cut(b, []byte{'\n'})
	if !found {
		return nil, fmt.Errorf("%w: no line", errHandover)
	}
	if err := json.Unmarshal(line, head); err != nil {
		return nil, fmt.Errorf("%w: %w", errHandover, err)
	}
	return body, nil
}

// gateway names the home of a request's session.
func (r *request) gateway() (proto.GatewayID, bool) { return homeOf(r.SID) }

package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// errPacket is wrapped by what ends the connection.
var errPacket = errors.New("malformed packet")

// The revisions of Engine.IO.
const (
	revision3 = 3
	revision4 = 4
)

// Types of Engine.IO packets.
const (
	engineOpen    = '0'
	engineClose   = '1'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
	engineUpgrade = '5'
	engineNoop    = '6'
	engineBase64  = 'b' // not a type: what follows is binary, in base64
)

// Types of Socket.IO packets.
const (
	typeConnect      = '0'
	typeDisconnect   = '1'
	typeEvent        = '2'
	typeAck          = '3'
	typeConnectError = '4'
	typeBinaryEvent  = '5'
	typeBinaryAck    = '6'
)

// maxArgs is the arguments of an event that matter: its name and, of a signal, room, target and data. More are ignored.
const maxArgs = 4

// packet is a Socket.IO packet.
type packet struct {
	kind      byte
	namespace string // "/" is the default one
	ack       string // the number of the acknowledgement that is asked for, or ""
	json      []byte // what follows, in the shape that its type asks for
	strict    bool   // it has each member once, in valid UTF-8
	deep      bool   // an event nested deeper than [proto.MaxDepth], of which no more is known
	announces int    // the binary packets that follow a binary event or acknowledgement
}

// decodePacket reads a Socket.IO packet, the text of an Engine.IO message. An error, which wraps errPacket, ends the
// connection.
func decodePacket(b []byte) (packet, error) {
	p, err := decodeHead(b)
	if err != nil {
		return packet{}, err
	}
	return p, p.check()
}

// decodeHead reads a packet up to what depends on its type, which it does not look at.
func decodeHead(b []byte) (packet, error) {
	if len(b) == 0 {
		return packet{}, fmt.Errorf("%w: it is empty", errPacket)
	}
	p := packet{kind: b[0], namespace: "/"}
	b = b[1:]
	switch p.kind {
	case typeConnect, typeDisconnect, typeEvent, typeAck, typeConnectError:
	case typeBinaryEvent, typeBinaryAck:
		number, rest, found := bytes.Cut(b, []byte{'-'})
		n, err := strconv.ParseUint(string(number), 10, 31)
		if errors.Is(err, strconv.ErrRange) {
			n, err = math.MaxInt32, nil // more than anybody sends
		}
		if err != nil || n == 0 || !found {
			return packet{}, fmt.Errorf("%w: no number of attachments", errPacket)
		}
		p.announces, b = int(n), rest
	default:
		return packet{}, fmt.Errorf("%w: unknown type %q", errPacket, p.kind)
	}
	if len(b) > 0 && b[0] == '/' {
		namespace, rest, _ := bytes.Cut(b, []byte{','})
		if !utf8.Valid(namespace) {
			return packet{}, fmt.Errorf("%w: the namespace is not UTF-8", errPacket)
		}
		p.namespace, b = string(namespace), rest
	}
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n > 0 {
		number, err := strconv.ParseUint(string(b[:n]), 10, 64)
		if err != nil {
			return packet{}, fmt.Errorf("%w: an acknowledgement number beyond 64 bits", errPacket)
		}
		p.ack = strconv.FormatUint(number, 10)
	}
	p.json = b[n:]
	return p, nil
}

// check judges the shape of what follows the head, as Socket.IO's parser does.
func (p *packet) check() error {
	switch p.kind {
	case typeConnect:
		if len(p.json) > 0 && (p.json[0] != '{' || !p.valid()) {
			return fmt.Errorf("%w: what a client connects with has to be an object", errPacket)
		}
	case typeDisconnect:
		if len(p.json) > 0 {
			return fmt.Errorf("%w: a disconnect has no payload", errPacket)
		}
	case typeEvent, typeAck, typeBinaryEvent, typeBinaryAck:
		event := p.kind == typeEvent || p.kind == typeBinaryEvent
		if event && len(p.json) > 0 && p.json[0] == '[' && proto.TooDeep(p.json) {
			p.deep = true // it is answered
			return nil
		}
		if len(p.json) == 0 || p.json[0] != '[' || !p.valid() {
			return fmt.Errorf("%w: an event has to be an array", errPacket)
		}
	}
	return nil
}

// valid reports whether what follows is JSON as JavaScript's JSON.parse takes it, and notes whether it is strict JSON, but
// for lone surrogates: those are refused where they have to be understood.
func (p *packet) valid() bool {
	if proto.TooDeep(p.json) {
		return false
	}
	v := jsontext.Value(p.json)
	p.strict = v.IsValid() || utf8.Valid(p.json) && v.IsValid(jsontext.AllowInvalidUTF8(true))
	return p.strict || v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// split returns the first elements of a valid JSON array, and how many it has, counted up to one more than fit.
func split(array []byte) (args [maxArgs]jsontext.Value, n int) {
	depth, inString, start := 0, false, 1
	for i := 1; i < len(array); i++ {
		switch c := array[i]; {
		case inString:
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			depth++
		case depth > 0:
			if c == '}' || c == ']' {
				depth--
			}
		case c == ',' || c == ']':
			arg := bytes.TrimSpace(array[start:i])
			if len(arg) == 0 || n == maxArgs {
				return args, n
			}
			args[n] = arg
			n++
			start = i + 1
		}
	}
	return args, n
}

package proto

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Why a frame is refused.
var (
	// ErrFrame is wrapped by what [DecodeFrame] returns: the answer is an error event with code bad-request and this text.
	ErrFrame = errors.New("bad request")
	// ErrTooLarge is wrapped by what [TooLarge] returns; the code is too-large.
	ErrTooLarge = errors.New("too large")
)

// TooLarge is why a frame is refused that is larger than a gateway takes. [Skim] reads what the answer needs of it.
func TooLarge(most int) error {
	return fmt.Errorf("%w: a frame may have %d bytes", ErrTooLarge, most)
}

// MaxRef is the longest ref of a request, in bytes.
const MaxRef = 64

// MaxDepth is how deep a frame's JSON may nest: far more than a signal needs, far less than what exhausts a reader.
const MaxDepth = 256

// Frame is a client's request, whatever the transport that brought it.
type Frame struct {
	Name     Name
	Room     Room
	TargetID ClientID
	Data     jsontext.Value
	N        int64              // signal-send, of a client that numbers its signals itself: the number; 0: it does not
	Policy   Policy             // room-create, room-enter: onOwnerGone
	Seq      uint64             // resume: the last of the room that the client has taken note of
	Heard    map[ClientID]int64 // resume: by sender, the number of the last signal heard; [MaxHeard] at most
	Fresh    bool               // resume: the client has no peer connections any more
	Ref      string
	HasRef   bool // there is a ref, though it may be empty; set by [DecodeFrame]
	// More is what it says of names and moderation; nil where that is nothing.
	More *FrameMore
}

// FrameMore is what a client's request says of names and moderation, as it was checked. It holds no password: see [PasswordProof].
type FrameMore struct {
	Meta    jsontext.Value // room-create, -join, -enter, -knock, member-update: the client's own word, a JSON object
	Proof   string         // room-join, -enter, -knock: of the room's password
	Message string         // room-kick, room-ban: a word to who is removed
	Sub     string         // room-ban, room-unban: whom
	Seconds int64          // room-ban
	Update  *Update        // room-update
	Token   string         // token

	password string // for AppendFrame
}

// QuotedRef returns a plain socket's ref as JSON, for [AppendRef]; empty when the request carries none.
func (f *Frame) QuotedRef() string {
	if !f.HasRef {
		return ""
	}
	return string(appendString(make([]byte, 0, len(f.Ref)+2), f.Ref))
}

// rawFrame holds a frame's members before they are judged, so that a bad one does not hide ref and room.
type rawFrame struct {
	Event    jsontext.Value `json:"event"`
	Room     jsontext.Value `json:"room"`
	TargetID jsontext.Value `json:"targetId"`
	Data     jsontext.Value `json:"data"`
	Ref      jsontext.Value `json:"ref"`
	N        jsontext.Value `json:"n"`
	Policy   jsontext.Value `json:"onOwnerGone"`
	Seq      jsontext.Value `json:"seq"`
	Heard    jsontext.Value `json:"heard"`
	Fresh    jsontext.Value `json:"fresh"`

	Meta       jsontext.Value `json:"meta"`
	Password   jsontext.Value `json:"password"`
	Message    jsontext.Value `json:"message"`
	Sub        jsontext.Value `json:"sub"`
	Seconds    jsontext.Value `json:"seconds"`
	Locked     jsontext.Value `json:"locked"`
	MaxMembers jsontext.Value `json:"maxMembers"`
	Knock      jsontext.Value `json:"knock"`
	Token      jsontext.Value `json:"token"`
}

// DecodeFrame reads a plain socket's text frame. Unknown members are ignored; members that stand twice, bytes that are no
// UTF-8 and JSON nested deeper than [MaxDepth] are refused. A lone surrogate, which JSON.stringify makes of a text that
// was cut inside a character, is refused only where it would have to be understood: data passes as it came. With an
// error, which wraps [ErrFrame], the frame holds what of room and ref could be read, for the answer.
func DecodeFrame(b []byte) (Frame, error) {
	if err := checkDepth(b); err != nil {
		return SkimFrame(b), err
	}
	var raw rawFrame
	err := json.Unmarshal(b, &raw)
	if err != nil && utf8.Valid(b) {
		raw = rawFrame{}
		err = json.Unmarshal(b, &raw, loneSurrogates)
	}
	if err != nil || len(b) == 0 || jsontext.Value(b).Kind() != '{' {
		return SkimFrame(b), fmt.Errorf("%w: not a JSON object with each member once, in valid UTF-8", ErrFrame)
	}
	var f Frame
	ref, refOK := unquote(raw.Ref)
	room, roomOK := unquote(raw.Room)
	if refOK && len(ref) <= MaxRef {
		f.Ref, f.HasRef = ref, true
	}
	if roomOK && Room(room).Check() == nil {
		f.Room = Room(room)
	}
	name, ok := unquote(raw.Event)
	f.Name = Name(name)
	switch {
	case raw.Event == nil:
		return f, fmt.Errorf(`%w: the member "event" is missing`, ErrFrame)
	case !ok:
		return f, fmt.Errorf(`%w: "event" has to be a string of valid Unicode`, ErrFrame)
	case raw.Ref != nil && !refOK, len(ref) > MaxRef:
		return f, fmt.Errorf(`%w: "ref" has to be a string of at most %d bytes, in valid Unicode`, ErrFrame, MaxRef)
	}
	if target, targetOK := unquote(raw.TargetID); targetOK {
		f.TargetID = ClientID(target)
	} else if raw.TargetID != nil && f.Name.targets() {
		return f, fmt.Errorf(`%w: "targetId" has to be a string of valid Unicode`, ErrFrame)
	}
	f.Data = raw.Data
	if raw.Room != nil && !roomOK && f.Name != Ping && f.Name != TokenRenew && f.Name != ICE {
		return f, fmt.Errorf(`%w: "room" has to be a string of valid Unicode`, ErrFrame)
	}
	if err := f.readMore(&raw); err != nil {
		return f, err
	}
	return f, f.check(Room(room), raw.Room != nil)
}

// Check returns an error that wraps [ErrFrame] when a field that the request needs is missing or wrong, for transports
// that have no JSON object to decode.
func (f *Frame) Check() error { return f.check(f.Room, f.Room != "") }

func (f *Frame) check(room Room, given bool) error {
	switch f.Name {
	case Ping, ICE:
		return nil
	case TokenRenew:
		return f.checkMore()
	case RoomCreate, RoomJoin, RoomEnter, RoomLeave, RoomClose, SignalSend, Resume,
		MemberUpdate, RoomKick, RoomBan, RoomUnban, RoomUpdate, RoomTransfer, RoomRoster, RoomKnock, RoomAdmit, RoomRefuse:
	default:
		return fmt.Errorf("%w: there is no event %q; there are "+
			"room-create, -join, -enter, -leave, -close, -kick, -ban, -unban, -update, -transfer, -roster, -knock, -admit, -refuse, "+
			"member-update, signal-send, resume, token, ice and ping", ErrFrame, Clip(string(f.Name)))
	}
	if !given && room == "" {
		return fmt.Errorf(`%w: %s needs "room"`, ErrFrame, f.Name)
	}
	if err := room.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if f.Name == RoomCreate || f.Name == RoomEnter {
		if err := f.Policy.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrFrame, err)
		}
	}
	if f.Name != SignalSend {
		return f.checkMore()
	}
	switch {
	case f.N < 0 || f.N > MaxNumber:
		return fmt.Errorf(`%w: "n" has to be from 1 to 2^53 - 1`, ErrFrame)
	case f.TargetID == "":
		return fmt.Errorf(`%w: signal-send needs "targetId"`, ErrFrame)
	case f.Data == nil:
		return fmt.Errorf(`%w: signal-send needs "data"`, ErrFrame)
	case !utf8.ValidString(string(f.TargetID)):
		return fmt.Errorf(`%w: "targetId" is not UTF-8`, ErrFrame)
	}
	return nil
}

// Clip shortens what a client sent to what an error message may repeat.
func Clip(s string) string {
	const most = 40
	return ClipTo(s, most+len("…"))
}

// ClipTo shortens a text to at most most bytes.
func ClipTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := most - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// unquote returns the string of a raw JSON value, and whether it is one.
func unquote(v jsontext.Value) (string, bool) {
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(v, '\\') >= 0 {
		s, err := jsontext.AppendUnquote([]byte(nil), v)
		return string(s), err == nil
	}
	return string(v[1 : len(v)-1]), true
}

// AppendFrame appends a client's request as a plain socket sends it, for clients written in Go.
func AppendFrame(b []byte, f *Frame) []byte {
	b = append(b, `{"event":`...)
	b = appendString(b, string(f.Name))
	if f.Room != "" {
		b = appendField(b, "room", string(f.Room))
	}
	switch f.Name {
	case SignalSend:
		b = appendField(b, "targetId", string(f.TargetID))
		b = append(b, `,"data":`...)
		b = append(b, f.Data...)
		if f.N > 0 {
			b = appendUint(b, "n", uint64(f.N))
		}
	case RoomCreate, RoomEnter:
		if f.Policy != "" {
			b = appendField(b, "onOwnerGone", string(f.Policy))
		}
	case Resume:
		b = appendUint(b, "seq", f.Seq)
		b = append(b, `,"heard":`...)
		b = appendNumbers(b, f.Heard)
		if f.Fresh {
			b = append(b, `,"fresh":true`...)
		}
	default:
	}
	b = f.appendMore(b)
	if f.Ref != "" || f.HasRef {
		b = appendField(b, "ref", f.Ref)
	}
	return append(b, '}')
}

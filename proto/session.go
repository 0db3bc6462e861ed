package proto

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A session is a client's stay under one client id. One that is resumable outlives its connection: docs/PROTOCOL.md, sections 5 and 7.

// KeyProtocol begins the subprotocol by which a client shows its session's key: parley.key.<unpadded base64url of 32 bytes>.
const KeyProtocol = "parley.key."

// Bounds of sessions.
const (
	KeySize  = 32      // bytes of a key
	MaxTurn  = 1 << 31 // the last connection of a session
	MaxCount = 1 << 20 // signals of one turn, from 1; the number of a signal is turn*MaxCount + count
	MaxKeep  = 300     // seconds that a session may be kept
)

// How long things take around a resumption.
const (
	AwayHint     = 2 * time.Second        // away for this long: the others are told
	ReloadKeep   = 15 * time.Second       // how long a session is kept whose page said that it goes (1001), or its keep if less
	LeavePutOff  = 15 * time.Second       // how long a leave at the end of keep is put off that is not answered at once
	HeldAfter    = 500 * time.Millisecond // silence of a target's gateway after which a signal counts as held
	AskEvery     = 250 * time.Millisecond // between two questions to a sender's gateway
	AskFor       = 1500 * time.Millisecond
	LiveWithin   = 2 * time.Second // from resumed to live
	HandOverIn   = time.Second     // how long a sender's new gateway waits for the one before
	MovedFor     = time.Minute     // how long a gateway remembers where a client has gone
	ConfirmAfter = time.Second     // the longest from a signal's writing to the ping that asks for it
)

// CloseResumed is the closing code of a connection whose session goes on with another.
const (
	CloseResumed       = 4409
	CloseResumedReason = "resumed elsewhere"
)

// ErrKey is wrapped by what [ParseKey] returns.
var ErrKey = errors.New("bad session key")

// ParseKey returns the client id of the session whose key a subprotocol names: the first 24 characters of the unpadded base64url
// of the key's SHA-256. The error wraps [ErrKey], and does not show the key.
func ParseKey(subprotocol string) (ClientID, error) {
	text := strings.TrimPrefix(subprotocol, KeyProtocol)
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != KeySize {
		return "", fmt.Errorf("%w: it has to be %d bytes in unpadded base64url, after %s", ErrKey, KeySize, KeyProtocol)
	}
	return KeyID([KeySize]byte(key)), nil
}

// KeyID returns the client id of the session that has a key.
func KeyID(key [KeySize]byte) ClientID {
	const characters = 24
	sum := sha256.Sum256(key[:])
	return ClientID(base64.RawURLEncoding.EncodeToString(sum[:])[:characters])
}

// KeySubprotocol returns the subprotocol by which a client shows its key.
func KeySubprotocol(key [KeySize]byte) string {
	return KeyProtocol + base64.RawURLEncoding.EncodeToString(key[:])
}

// Number returns the number of a signal: the count-th, from 1, of a turn.
func Number(turn, count int64) int64 { return turn*MaxCount + count }

// Policy says what becomes of a room whose owner is gone.
type Policy string

// The policies. The empty one is close.
const (
	PolicyClose    Policy = "close"
	PolicyTransfer Policy = "transfer" // the member that has been in longest becomes the owner
	PolicyStay     Policy = "stay"     // the room has no owner
)

// ErrPolicy is wrapped by what [Policy.Check] returns.
var ErrPolicy = errors.New("bad policy")

// Check returns an error that wraps [ErrPolicy], or nil.
func (p Policy) Check() error {
	switch p {
	case "", PolicyClose, PolicyTransfer, PolicyStay:
		return nil
	}
	return fmt.Errorf(`%w: "onOwnerGone" is "close", "transfer" or "stay"`, ErrPolicy)
}

// Stay is what gateways have to know of a member beside its id.
type Stay struct {
	Gateway GatewayID
	Request RequestID // the create, join, enter or resume that the record bears
	Turn    int64     // of the connection by which it is in the room; 0: its session is not resumable
	Keep    int       // seconds that its session outlives the connection
	// Since is the room's seq before the change by which it joined, or came back fresh: it joined after seq s if Since is s or more.
	Since uint64
}

// Resumable reports whether the member's session may be resumed.
func (s *Stay) Resumable() bool { return s.Turn > 0 }

// HeaderMembers is the header of an answer or a room event that carries [Stays].
const HeaderMembers = "Parley-Members"

// Stays are the stays of a room's members, beside what sockets receive and not in it. With a room event: that of the member who
// joined or came back. With room-created, room-joined and roster: those of the members whose sessions are resumable, the asker among
// them. With resumed: all.
type Stays struct {
	Before  GatewayID // resumed: the gateway that the record named before
	Members map[ClientID]Stay
	Order   []ClientID // of Members, as they stood
}

// ErrStays is wrapped by what [DecodeStays] returns.
var ErrStays = errors.New("bad list of members")

// AppendStays appends the header's value for those of members that pick chooses: {"before":"<gateway>","gateways":["<gateway>"…],
// "members":[["<id>",<place of its gateway>,"<request>",<turn>,<keep>,<since>]…]}. before is left out where it is empty.
func AppendStays(b []byte, before GatewayID, members []Member, pick func(m *Member) bool) []byte {
	b = append(b, '{')
	if before != "" {
		b = append(b, `"before":`...)
		b = appendString(b, string(before))
		b = append(b, ',')
	}
	var gateways []GatewayID
	list := make([]byte, 0, 64*len(members))
	for i := range members {
		m := &members[i]
		if !pick(m) {
			continue
		}
		g := slices.Index(gateways, m.Gateway)
		if g < 0 {
			g = len(gateways)
			gateways = append(gateways, m.Gateway)
		}
		if len(list) > 0 {
			list = append(list, ',')
		}
		list = append(list, '[')
		list = appendString(list, string(m.ID))
		list = append(list, ',')
		list = strconv.AppendInt(list, int64(g), 10)
		list = append(list, ',')
		list = appendString(list, string(m.Request))
		for _, n := range [...]int64{m.Turn, int64(m.Keep), int64(m.Since)} { // a stream's sequence fits
			list = append(list, ',')
			list = strconv.AppendInt(list, n, 10)
		}
		list = append(list, ']')
	}
	b = append(b, appendGateways(nil, gateways)[1:]...) // without the comma before it
	b = append(b, `,"members":[`...)
	b = append(b, list...)
	return append(b, `]}`...)
}

// DecodeStays reads the header. The error wraps [ErrStays].
func DecodeStays(header string) (Stays, error) {
	var w struct {
		Before   GatewayID          `json:"before"`
		Gateways []GatewayID        `json:"gateways"`
		Members  [][]jsontext.Value `json:"members"`
	}
	if err := json.Unmarshal([]byte(header), &w); err != nil {
		return Stays{}, fmt.Errorf("%w: %w", ErrStays, err)
	}
	s := Stays{Before: w.Before, Members: make(map[ClientID]Stay, len(w.Members)), Order: make([]ClientID, 0, len(w.Members))}
	for _, v := range w.Members {
		var id ClientID
		var stay Stay
		var g int
		const fields = 6
		if len(v) < fields {
			return Stays{}, fmt.Errorf("%w: a member has %d values", ErrStays, len(v))
		}
		for i, to := range [fields]any{&id, &g, &stay.Request, &stay.Turn, &stay.Keep, &stay.Since} {
			if err := json.Unmarshal(v[i], to); err != nil {
				return Stays{}, fmt.Errorf("%w: %w", ErrStays, err)
			}
		}
		if g < 0 || g >= len(w.Gateways) {
			return Stays{}, fmt.Errorf("%w: there is no gateway %d", ErrStays, g)
		}
		stay.Gateway = w.Gateways[g]
		if _, twice := s.Members[id]; !twice {
			s.Order = append(s.Order, id)
		}
		s.Members[id] = stay
	}
	return s, nil
}

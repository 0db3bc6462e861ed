package proto

import "time"

// Code says in an error event what the client can do. The list is append-only.
type Code string

// The codes of PROTOCOL.md section 4.
const (
	CodeBadRequest   Code = "bad-request"    // mend the request
	CodeTooManyRooms Code = "too-many-rooms" // leave a room
	CodeRoomFull     Code = "room-full"      // join later
	CodeRateLimited  Code = "rate-limited"   // slow down; the request was not carried out
	CodeUnavailable  Code = "unavailable"    // ask again; the change may or may not have been made
	CodeInternal     Code = "internal"       // report it, with the id in the message
	CodeTooLarge     Code = "too-large"      // send less; the request was not carried out
	CodeForbidden    Code = "forbidden"      // the client may not: it is for the owner, or its token does not allow it
	CodeResumeFirst  Code = "resume-first"   // the session is in the room by an earlier connection: resume it
	CodeTooOld       Code = "too-old"        // the signal's number is not above the last one; it was not carried out
	CodeUnauthorized Code = "unauthorized"   // the token is missing, wrong or out of date: bring another
	CodeLocked       Code = "locked"         // nobody joins the room: knock, or try later
	CodeBadPassword  Code = "bad-password"   // the room has another password, or one at all
	CodeBanned       Code = "banned"         // the user may not come for a while
	CodeTooManyBans  Code = "too-many-bans"  // lift one first
)

// Version is the protocol's version, told in the first frame.
const Version = 1

// Subprotocol is what a plain WebSocket client offers.
const Subprotocol = "parley.v1"

// How long things take, as the protocol has them.
const (
	RequestTimeout = 10 * time.Second       // from a frame's reading to unavailable
	SignalTimeout  = 2 * time.Second        // the same for a signal
	AttemptTimeout = 500 * time.Millisecond // silence after which the next replica is asked
	BeatEvery      = time.Second            // between two beats
	BeatMissed     = 2 * time.Second        // without a beat: out of the ranking
	CheckEvery     = 10 * time.Second       // between two checks of the same gateway
	CheckMissed    = 12 * time.Second       // a room that no check has named for this long is asked for
	RetellWindow   = 10 * time.Second       // how old a change may be to be told again after a failover
	ClosedTTL      = 10 * time.Minute       // how long the record of a closed room stays
)

// The headers of a request.
const (
	HeaderRequest = "Parley-Request" // unique per request, the same on each attempt
	HeaderTimeout = "Parley-Timeout" // the milliseconds that the asker will still wait
)

// HeaderMessage is the header of a room event to gateways that carries a word to who was removed. The others are not told.
const HeaderMessage = "Parley-Message"

// MaxList is the most rooms that one list request brings.
const MaxList = 1000

// MaxCheckPage is the size of a check's page, in bytes.
const MaxCheckPage = 256 << 10

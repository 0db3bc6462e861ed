package proto

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what stands about a room.
const (
	MaxPassword = 256       // bytes
	MaxRoomMeta = 4 << 10   // bytes
	MaxMessage  = 256       // bytes of a word to who is removed
	MaxBans     = 256       // in force at once
	MaxHolds    = 64        // of one kind, in force at once; the oldest goes first
	MaxBan      = 24 * 3600 // seconds
	HoldFor     = 10        // seconds in which who was removed stays out
	AdmitFor    = 60        // seconds in which who knocked may come in
	RefuseFor   = 60        // seconds in which who was refused may not knock
	MaxKnocks   = 32        // at a room, at once
)

// MaxAbout is how many bytes of a room's record are kept for what stands about the room, beside [MaxBorne], so that a room that
// is full can still be moderated. Its lists, when they are full of the longest ids and subs, take some 105,000.
const MaxAbout = 128 << 10

// About is what stands about a room beside its members, owner and policy. It is never changed once made.
type About struct {
	Locked     bool           `json:"locked,omitzero"`     // nobody joins
	Password   string         `json:"password,omitzero"`   // the salted slow hash of the password's [PasswordProof]
	MaxMembers int            `json:"maxMembers,omitzero"` // 0: as many as the room service allows
	Knock      bool           `json:"knock,omitzero"`      // who meets a lock or lacks the password may knock
	Meta       jsontext.Value `json:"meta,omitzero"`       // a JSON object
	// OwnerSub is who is the owner again when it comes back, in a room whose policy is stay and that has no owner.
	OwnerSub string `json:"ownerSub,omitzero"`
	// What follows ends by itself and outlives the room's closing.
	Bans     []Hold `json:"bans,omitempty"`     // by sub
	Kicked   []Hold `json:"kicked,omitempty"`   // who may not come back for a moment, by id and sub
	Admitted []Hold `json:"admitted,omitempty"` // who knocked and may come in, by sub, or by id where it has none
	Refused  []Hold `json:"refused,omitempty"`  // who knocked and has to wait, likewise
}

// Hold is something about one client or user that ends by itself.
type Hold struct {
	ID    ClientID `json:"id,omitzero"`
	Sub   string   `json:"sub,omitzero"`
	Until int64    `json:"until"` // milliseconds since 1970
}

// Holds reports whether it is about a client with that id, or with that sub, at a time.
func (h *Hold) Holds(id ClientID, sub string, at int64) bool {
	return at < h.Until && (h.Sub != "" && h.Sub == sub || h.ID != "" && h.ID == id)
}

// Holding reports whether any of list is about a client.
func Holding(list []Hold, id ClientID, sub string, at int64) bool {
	return slices.ContainsFunc(list, func(h Hold) bool { return h.Holds(id, sub, at) })
}

// Empty reports whether nothing stands about the room. A nil About is empty.
func (a *About) Empty() bool {
	return a == nil || !a.Locked && a.Password == "" && a.MaxMembers == 0 && !a.Knock && a.Meta == nil && a.OwnerSub == "" &&
		len(a.Bans)+len(a.Kicked)+len(a.Admitted)+len(a.Refused) == 0
}

// At returns what still stands at a time: holds that have ended are left out. It is nil when nothing does.
func (a *About) At(at int64) *About {
	if a.Empty() {
		return nil
	}
	now := *a
	for _, list := range []*[]Hold{&now.Bans, &now.Kicked, &now.Admitted, &now.Refused} {
		if over := func(h Hold) bool { return h.Until <= at }; slices.ContainsFunc(*list, over) {
			*list = slices.DeleteFunc(slices.Clone(*list), over)
		}
	}
	if now.Empty() {
		return nil
	}
	return &now
}

// Outliving returns what outlives the room's closing, and until when, in milliseconds since 1970; nil when nothing does.
func (a *About) Outliving(at int64) (*About, int64) {
	now := a.At(at)
	if now == nil {
		return nil, 0
	}
	rest := &About{Bans: now.Bans, Kicked: now.Kicked}
	var until int64
	for _, list := range [][]Hold{rest.Bans, rest.Kicked} {
		for _, h := range list {
			until = max(until, h.Until)
		}
	}
	if rest.Empty() {
		return nil, 0
	}
	return rest, until
}

// appendAbout appends it as a record has it, with the comma before it.
func appendAbout(b []byte, a *About) []byte {
	raw, err := json.Marshal(a, json.Deterministic(true))
	if err != nil { // a meta that was not checked
		return b
	}
	return append(append(b, `,"about":`...), raw...)
}

// appendShown appends what members are told of it, each with the comma before it. That there is a password is told, not which.
func (a *About) appendShown(b []byte) []byte {
	if a == nil {
		return b
	}
	if a.Locked {
		b = append(b, `,"locked":true`...)
	}
	if a.Password != "" {
		b = append(b, `,"password":true`...)
	}
	if a.MaxMembers > 0 {
		b = appendUint(b, "maxMembers", uint64(a.MaxMembers))
	}
	if a.Knock {
		b = append(b, `,"knock":true`...)
	}
	if a.Meta != nil {
		b = append(append(b, `,"meta":`...), a.Meta...)
	}
	return b
}

// PasswordProof returns what stands for a room's password over NATS, where passwords do not go: the unpadded base64url of the
// SHA-256 of "parley room password", the room's name and the password, with a zero byte after each of the first two.
func PasswordProof(room Room, password string) string {
	h := sha256.New()
	for _, part := range []string{"parley room password\x00", string(room), "\x00", password} {
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Update is what a room-update changes. What is nil stays as it is.
type Update struct {
	Locked     *bool   `json:"locked,omitzero"`
	Proof      *string `json:"proof,omitzero"` // the [PasswordProof] of the new password; empty: there is none any more
	MaxMembers *int    `json:"maxMembers,omitzero"`
	Knock      *bool   `json:"knock,omitzero"`
	Policy     *Policy `json:"onOwnerGone,omitzero"`
	// Meta is nil: it stays; null: there is none any more.
	Meta jsontext.Value `json:"meta,omitzero"`
}

// Empty reports whether it changes nothing.
func (u *Update) Empty() bool {
	return u == nil || u.Locked == nil && u.Proof == nil && u.MaxMembers == nil && u.Knock == nil && u.Policy == nil && u.Meta == nil
}

// With returns what stands about the room once change has been made to it; nil when nothing does any more. a may be nil, and is not
// changed.
func (a *About) With(change func(a *About)) *About {
	var next About
	if a != nil {
		next = *a
	}
	change(&next)
	if next.Empty() {
		return nil
	}
	return &next
}

// BanList returns a copy of the bans.
func (a *About) BanList() []Hold {
	if a == nil {
		return nil
	}
	return slices.Clone(a.Bans)
}

// Equal reports whether the same stands about two rooms. Of each, holds are compared one by one.
func (a *About) Equal(o *About) bool {
	if a.Empty() || o.Empty() {
		return a.Empty() && o.Empty()
	}
	return a.Locked == o.Locked && a.Password == o.Password && a.MaxMembers == o.MaxMembers && a.Knock == o.Knock &&
		string(a.Meta) == string(o.Meta) && a.OwnerSub == o.OwnerSub && slices.Equal(a.Bans, o.Bans) && slices.Equal(a.Kicked, o.Kicked) &&
		slices.Equal(a.Admitted, o.Admitted) && slices.Equal(a.Refused, o.Refused)
}

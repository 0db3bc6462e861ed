package proto

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what a member bears.
const (
	MaxSub      = 128       // bytes of a token's sub, and of its user
	MaxMeta     = 1 << 10   // bytes of a member's meta that a gateway may be set to take
	MaxClaims   = 1 << 10   // bytes of a token's claims
	MaxBorne    = 256 << 10 // bytes that all members of a room bear together
	DefaultMeta = 256       // bytes of a member's meta that a gateway takes unless it is set otherwise
)

// Who is what a member bears beside its id: what its token says of it, and what it says of itself. It is never changed once made.
type Who struct {
	Sub    string         `json:"sub,omitzero"`    // who it is by its token; other members are not told. Empty: it had none
	User   string         `json:"user,omitzero"`   // what others see, by its token
	Claims jsontext.Value `json:"claims,omitzero"` // the app's word on it, by its token: a JSON object
	Meta   jsontext.Value `json:"meta,omitzero"`   // its own word: a JSON object
	Mod    bool           `json:"mod,omitzero"`    // its token lets it moderate the room
}

// Empty reports whether a member bears nothing. A nil Who is empty.
func (w *Who) Empty() bool {
	return w == nil || w.Sub == "" && w.User == "" && w.Claims == nil && w.Meta == nil && !w.Mod
}

// Shown reports whether there is anything that the other members see.
func (w *Who) Shown() bool {
	return w != nil && (w.User != "" || w.Claims != nil || w.Meta != nil || w.Mod)
}

// Size returns how many bytes of [MaxBorne] it takes.
func (w *Who) Size() int {
	if w == nil {
		return 0
	}
	return len(w.Sub) + len(w.User) + len(w.Claims) + len(w.Meta)
}

// Equal reports whether two members bear the same.
func (w *Who) Equal(o *Who) bool {
	if w.Empty() || o.Empty() {
		return w.Empty() && o.Empty()
	}
	return w.Sub == o.Sub && w.User == o.User && w.Mod == o.Mod &&
		string(w.Claims) == string(o.Claims) && string(w.Meta) == string(o.Meta)
}

// append appends it as a record has it: the unpadded base64url of its JSON, so that what clients say cannot look like a record.
func (w *Who) append(b []byte) []byte {
	o := []byte{'{'}
	if w.Sub != "" {
		o = appendField(o, "sub", w.Sub)
	}
	o = w.appendShown(o)
	if len(o) > 1 {
		o = append(o[:1], o[2:]...) // the comma before the first
	}
	o = append(o, '}')
	b = append(b, '"')
	b = base64.RawURLEncoding.AppendEncode(b, o)
	return append(b, '"')
}

// appendShown appends what the other members see, each with the comma before it.
func (w *Who) appendShown(b []byte) []byte {
	if w == nil {
		return b
	}
	if w.User != "" {
		b = appendField(b, "user", w.User)
	}
	if w.Claims != nil {
		b = append(append(b, `,"claims":`...), w.Claims...)
	}
	if w.Meta != nil {
		b = append(append(b, `,"meta":`...), w.Meta...)
	}
	if w.Mod {
		b = append(b, `,"mod":true`...)
	}
	return b
}

// whoOf reads what append wrote, without the quotes; nil when it cannot be read.
func whoOf(text []byte) *Who {
	raw, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	w := new(Who)
	if err != nil || json.Unmarshal(raw, w) != nil {
		return nil
	}
	return w
}

// MemberInfo is a member as others see it, in room-joined, resumed, roster and room-roster.
type MemberInfo struct {
	ID ClientID `json:"id"`
	Who
}

// appendMembers appends members as others see them; with subs, as moderators do.
func appendMembers(b []byte, members []MemberInfo, subs bool) []byte {
	b = append(b, `,"members":[`...)
	for i := range members {
		if i > 0 {
			b = append(b, ',')
		}
		m := &members[i]
		b = append(b, `{"id":`...)
		b = appendString(b, string(m.ID))
		if subs && m.Sub != "" {
			b = appendField(b, "sub", m.Sub)
		}
		b = append(m.appendShown(b), '}')
	}
	return append(b, ']')
}

// ErrMeta is wrapped by what [CheckObject] returns.
var ErrMeta = errors.New("bad object")

// CheckObject returns nil when v is a JSON object of at most most bytes, as a member's or a room's meta has to be. It nests at most
// [MaxDepth] deep, has each member once, and is valid UTF-8. The error wraps [ErrMeta].
func CheckObject(name string, v jsontext.Value, most int) error {
	switch {
	case v.Kind() != '{':
		return fmt.Errorf("%w: %q has to be a JSON object", ErrMeta, name)
	case len(v) > most:
		return fmt.Errorf("%w: %q has %d bytes, %d are allowed", ErrMeta, name, len(v), most)
	case checkDepth(v) != nil:
		return fmt.Errorf("%w: %q nests too deep", ErrMeta, name)
	case !v.IsValid():
		return fmt.Errorf("%w: %q has a member twice, or is not valid UTF-8", ErrMeta, name)
	}
	return nil
}

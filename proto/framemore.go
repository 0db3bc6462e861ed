package proto

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxToken is the longest token, in bytes.
const MaxToken = 4 << 10

// targets reports whether a request names another client.
func (n Name) targets() bool {
	switch n {
	case SignalSend, RoomKick, RoomBan, RoomTransfer, RoomAdmit, RoomRefuse:
		return true
	default:
		return false
	}
}

// ReadObject reads the members of a request that a transport hands over as one JSON object, beside what it has set already. The
// error wraps [ErrFrame].
func (f *Frame) ReadObject(object jsontext.Value) error {
	var raw rawFrame
	if err := json.Unmarshal(object, &raw); err != nil || object.Kind() != '{' {
		return fmt.Errorf("%w: not a JSON object with each member once", ErrFrame)
	}
	if target, ok := unquote(raw.TargetID); ok && f.TargetID == "" {
		f.TargetID = ClientID(target)
	}
	return f.readMore(&raw)
}

// more returns what the request says of names and moderation, made if need be.
func (f *Frame) more() *FrameMore {
	if f.More == nil {
		f.More = new(FrameMore)
	}
	return f.More
}

// readModeration reads what some requests say of names and moderation. In others these members are unknown, and ignored.
func (f *Frame) readModeration(raw *rawFrame) error {
	switch f.Name {
	case RoomCreate, RoomJoin, RoomEnter, RoomKnock, MemberUpdate:
		if raw.Meta != nil {
			f.more().Meta = raw.Meta // check knows what it has to be
		}
		if raw.Password == nil || f.Name == RoomCreate || f.Name == MemberUpdate {
			return nil
		}
		password, err := text(raw.Password, "password", MaxPassword)
		if err != nil {
			return err
		}
		f.more().Proof = PasswordProof(f.Room, password)
	case RoomKick, RoomBan, RoomUnban:
		return f.readRemoval(raw)
	case RoomUpdate:
		return f.readUpdate(raw)
	case TokenRenew:
		token, err := text(raw.Token, "token", MaxToken)
		if err != nil {
			return err
		}
		f.more().Token = token
	default:
	}
	return nil
}

// readRemoval reads whom a kick, ban or unban is about, for how long, and a word to it.
func (f *Frame) readRemoval(raw *rawFrame) (err error) {
	if raw.Message != nil && f.Name != RoomUnban {
		if f.more().Message, err = text(raw.Message, "message", MaxMessage); err != nil {
			return err
		}
	}
	if raw.Sub != nil && f.Name != RoomKick {
		if f.more().Sub, err = text(raw.Sub, "sub", MaxSub); err != nil {
			return err
		}
	}
	if f.Name == RoomBan {
		seconds, ok := integer(raw.Seconds)
		if !ok || seconds < 1 || seconds > MaxBan {
			return fmt.Errorf(`%w: "seconds" has to be an integer from 1 to %d`, ErrFrame, MaxBan)
		}
		f.more().Seconds = seconds
	}
	return nil
}

// readUpdate reads what is to stand about a room. null takes away.
func (f *Frame) readUpdate(raw *rawFrame) error {
	u := new(Update)
	f.more().Update = u
	var err error
	if u.Locked, err = flag(raw.Locked, "locked"); err != nil {
		return err
	}
	if u.Knock, err = flag(raw.Knock, "knock"); err != nil {
		return err
	}
	if raw.MaxMembers != nil {
		n, ok := integer(raw.MaxMembers)
		switch {
		case raw.MaxMembers.Kind() == 'n':
			n = 0
		case !ok || n < 1 || n > 1<<31-1:
			return fmt.Errorf(`%w: "maxMembers" has to be an integer from 1, or null`, ErrFrame)
		}
		u.MaxMembers = new(int(n))
	}
	if raw.Password != nil {
		u.Proof = new("")
		if raw.Password.Kind() != 'n' {
			password, err := text(raw.Password, "password", MaxPassword)
			if err != nil {
				return err
			}
			*u.Proof = PasswordProof(f.Room, password)
		}
	}
	if raw.Policy != nil {
		u.Policy = new(PolicyClose)
		if raw.Policy.Kind() != 'n' {
			policy, _ := unquote(raw.Policy)
			*u.Policy = Policy(policy)
			if policy == "" {
				return fmt.Errorf("%w: %w", ErrFrame, errPolicy)
			}
		}
	}
	u.Meta = raw.Meta
	return nil
}

// flag reads true, false, or null, which is false; nil where there is nothing.
func flag(v jsontext.Value, name string) (*bool, error) {
	switch {
	case v == nil:
		return nil, nil
	case v.Kind() == 't', v.Kind() == 'f', v.Kind() == 'n':
		return new(v.Kind() == 't'), nil
	}
	return nil, fmt.Errorf("%w: %q has to be true or false", ErrFrame, name)
}

// text reads a string of 1 to most bytes of valid UTF-8. The error does not show it.
func text(v jsontext.Value, name string, most int) (string, error) {
	s, ok := unquote(v)
	if !ok || s == "" || len(s) > most || !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: %q has to be a string of 1 to %d bytes, in valid Unicode", ErrFrame, name, most)
	}
	return s, nil
}

// checkMore checks what a request needs of names and moderation. How large a meta may be is the gateway's to say, below [MaxMeta].
func (f *Frame) checkMore() error {
	more := f.More
	if more == nil {
		more = new(FrameMore)
	}
	var err error
	switch f.Name {
	case TokenRenew:
		if more.Token == "" {
			err = fmt.Errorf(`%w: token needs "token"`, ErrFrame)
		}
		return err
	case RoomKick, RoomTransfer, RoomAdmit, RoomRefuse:
		if f.TargetID == "" {
			err = fmt.Errorf(`%w: %s needs "targetId"`, ErrFrame, f.Name)
		}
	case RoomBan:
		if (f.TargetID == "") == (more.Sub == "") || more.Seconds == 0 {
			err = fmt.Errorf(`%w: room-ban needs "seconds", and either "targetId" or "sub"`, ErrFrame)
		}
	case RoomUnban:
		if more.Sub == "" {
			err = fmt.Errorf(`%w: room-unban needs "sub"`, ErrFrame)
		}
	case RoomUpdate:
		err = wrapFrame(more.Update.check())
	case MemberUpdate:
		if more.Meta == nil {
			err = fmt.Errorf(`%w: member-update needs "meta"`, ErrFrame)
		}
	default:
	}
	if err == nil && more.Meta != nil {
		err = wrapFrame(CheckObject("meta", more.Meta, MaxMeta))
	}
	if err == nil && len(f.TargetID) > 64 && f.Name.targets() {
		err = fmt.Errorf(`%w: "targetId" has at most 64 characters`, ErrFrame)
	}
	return err
}

func wrapFrame(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrFrame, err)
}

// appendMore appends what a request says of names and moderation, for clients written in Go.
func (f *Frame) appendMore(b []byte) []byte {
	if f.Name != SignalSend && f.TargetID != "" {
		b = appendField(b, "targetId", string(f.TargetID))
	}
	more := f.More
	if more == nil {
		return b
	}
	for _, field := range [...]struct{ name, value string }{
		{"message", more.Message}, {"sub", more.Sub}, {"token", more.Token}, {"password", more.password},
	} {
		if field.value != "" {
			b = appendField(b, field.name, field.value)
		}
	}
	if more.Seconds > 0 {
		b = appendInt(b, "seconds", more.Seconds)
	}
	if more.Meta != nil {
		b = append(append(b, `,"meta":`...), more.Meta...)
	}
	return more.Update.appendFrame(b)
}

// appendFrame appends an update as a client sends it. A password stands beside it: see [FrameMore.SetPassword].
func (u *Update) appendFrame(b []byte) []byte {
	if u == nil {
		return b
	}
	if u.Locked != nil {
		b = strconv.AppendBool(append(b, `,"locked":`...), *u.Locked)
	}
	if u.Proof != nil && *u.Proof == "" {
		b = append(b, `,"password":null`...)
	}
	if u.MaxMembers != nil && *u.MaxMembers == 0 {
		b = append(b, `,"maxMembers":null`...)
	} else if u.MaxMembers != nil {
		b = appendInt(b, "maxMembers", int64(*u.MaxMembers))
	}
	if u.Knock != nil {
		b = strconv.AppendBool(append(b, `,"knock":`...), *u.Knock)
	}
	if u.Policy != nil {
		b = appendField(b, "onOwnerGone", string(*u.Policy))
	}
	if u.Meta != nil {
		b = append(append(b, `,"meta":`...), u.Meta...)
	}
	return b
}

// SetPassword has [AppendFrame] write a password, of a client written in Go: of room-join, room-enter and room-knock.
func (m *FrameMore) SetPassword(password string) { m.password = password }

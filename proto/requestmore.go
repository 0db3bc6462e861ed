package proto

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// checkMore checks what a request says of names and moderation.
func (r *Request) checkMore(op Op) error {
	if err := r.checkWho(); err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrRequest}, args...)...)
	}
	switch op {
	case OpKick, OpTransfer, OpAdmit, OpRefuse:
		if r.TargetID == "" {
			return bad(`%s needs "targetId"`, op)
		}
	case OpBan:
		if (r.TargetID == "") == (r.Banned == "") {
			return bad(`ban needs either "targetId" or "banned"`)
		}
		if r.Seconds < 1 || r.Seconds > MaxBan {
			return bad(`"seconds" has to be from 1 to %d`, MaxBan)
		}
	case OpUnban:
		if r.Banned == "" {
			return bad(`unban needs "banned"`)
		}
	case OpUpdate:
		if err := r.Update.check(); err != nil {
			return bad("%w", err)
		}
	case OpLeave:
		if r.Reason != "" && r.Reason != Forbidden {
			return bad(`"reason" of a leave is "forbidden", or not there`)
		}
	default:
	}
	if len(r.TargetID) > 64 || len(r.Banned) > MaxSub || len(r.Message) > MaxMessage {
		return bad(`"targetId" has at most 64 bytes, "banned" %d, "message" %d`, MaxSub, MaxMessage)
	}
	return nil
}

// checkWho checks what a member is to bear.
func (r *Request) checkWho() error {
	if len(r.Sub) > MaxSub || len(r.User) > MaxSub {
		return fmt.Errorf(`"sub" and "user" have at most %d bytes`, MaxSub)
	}
	if r.Claims != nil {
		if err := CheckObject("claims", r.Claims, MaxClaims); err != nil {
			return err
		}
	}
	if r.Meta != nil {
		return CheckObject("meta", r.Meta, MaxMeta)
	}
	return nil
}

func (u *Update) check() error {
	switch {
	case u.Empty():
		return fmt.Errorf(`an update needs one of "locked", "proof", "maxMembers", "knock", "onOwnerGone" and "meta"`)
	case u.MaxMembers != nil && *u.MaxMembers < 0:
		return fmt.Errorf(`"maxMembers" has to be 1 or more, or 0 for none`)
	case u.Policy != nil:
		if err := u.Policy.Check(); err != nil {
			return err
		}
	}
	if u.Meta != nil && u.Meta.Kind() != 'n' {
		return CheckObject("meta", u.Meta, MaxRoomMeta)
	}
	return nil
}

// appendMore appends what a request says of names and moderation, with a comma before each.
func (r *Request) appendMore(b []byte, op Op) []byte {
	if r.Sub != "" && !r.Admin {
		b = r.Can.append(append(b, `,"can":`...))
	}
	for _, field := range [...]struct{ name, value string }{
		{"user", r.User}, {"proof", r.Proof}, {"from", r.From}, {"message", r.Message}, {"banned", r.Banned}, {"reason", string(r.Reason)},
	} {
		if field.value != "" {
			b = appendField(b, field.name, field.value)
		}
	}
	if r.Claims != nil {
		b = append(append(b, `,"claims":`...), r.Claims...)
	}
	if r.Meta != nil {
		b = append(append(b, `,"meta":`...), r.Meta...)
	}
	if r.TargetID != "" {
		b = appendField(b, "targetId", string(r.TargetID))
	}
	for _, field := range [...]struct {
		name  string
		value int64
	}{{"seconds", r.Seconds}, {"before", r.Before}, {"until", r.Until}} {
		if field.value != 0 {
			b = appendInt(b, field.name, field.value)
		}
	}
	if r.Gone {
		b = append(b, `,"gone":true`...)
	}
	if op == OpUpdate && r.Update != nil {
		if raw, err := json.Marshal(r.Update, json.Deterministic(true)); err == nil { // its meta was checked
			b = append(append(b, `,"update":`...), raw...)
		}
	}
	return b
}

// DecodeAdmin reads and checks the payload of an operator's request. The error wraps [ErrRequest].
func DecodeAdmin(op Op, b []byte) (Request, error) {
	r := Request{Admin: true}
	if op != OpDisconnect && !slices.Contains(AdminOps(), op) {
		return r, fmt.Errorf("%w: there is no operation %q of operators", ErrRequest, Clip(string(op)))
	}
	if err := checkDepth(b); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	r.Admin, r.Sub, r.ClientID, r.Gateway, r.Turn = true, "", "", "", 0
	if op == OpRevoke || op == OpDisconnect {
		if r.Banned == "" || len(r.Banned) > MaxSub || !utf8.ValidString(r.Banned) {
			return r, fmt.Errorf(`%w: %s needs "banned", the sub or user, of at most %d bytes`, ErrRequest, op, MaxSub)
		}
		return r, nil
	}
	if err := r.Room.Check(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return r, r.check(op)
}

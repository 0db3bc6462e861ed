package gateway

import (
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// owned is the owner of a room that was created here.
type owned struct {
	s   *session.Session
	sub string
}

// MayCreate implements [session.Users].
func (u *users) MayCreate(s *session.Session) bool {
	token := s.Token()
	if token == nil || u.rooms == 0 {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.of(token.Sub)
	if one.rooms >= u.rooms {
		return false
	}
	one.rooms++
	return true
}

// Created implements [session.Users]: where a room was created, created has counted it.
func (u *users) Created(s *session.Session) {
	token := s.Token()
	if token == nil || u.rooms == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of(token.Sub).rooms--
}

// created notes that a client has created a room.
func (u *users) created(s *session.Session, room proto.Room) {
	token := s.Token()
	if token == nil || u.rooms == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.drop(room)
	u.of(token.Sub).rooms++
	u.owned[room] = owned{s, token.Sub}
}

// lost notes that a client is no member of a room any more, or not its owner.
func (u *users) lost(s *session.Session, room proto.Room) {
	if u.rooms == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.owned[room].s == s {
		u.drop(room)
	}
}

// lostAll notes that a client is in no room any more.
func (u *users) lostAll(s *session.Session) {
	for room := range s.Rooms.All() {
		u.lost(s, room)
	}
}

// drop gives back the place of a room, if it has one. With mu held.
func (u *users) drop(room proto.Room) {
	if o, known := u.owned[room]; known {
		delete(u.owned, room)
		u.of(o.sub).rooms--
	}
}

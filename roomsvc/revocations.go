package roomsvc

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
)

// Bounds of revocations.
const (
	revokeQueue = 64   // operators' requests that wait
	maxRevoked  = 4096 // in force at once
	revokeTry   = time.Second
)

// revocations are the tokens that count no more: one record of the journal, which every replica follows and gateways ask for.
type revocations struct {
	s     *Service
	asked chan *revoking
	seq   atomic.Uint64 // of the record that the feed has brought; 0: there is none
	list  atomic.Pointer[[]proto.Revocation]
}

// revoking is an operator's request.
type revoking struct {
	proto.Revocation
	reply    string
	deadline time.Time
}

// feed takes the record that the stream has brought.
func (v *revocations) feed(seq uint64, record []byte) {
	list, err := proto.DecodeRevoked(record)
	if err != nil {
		v.s.trouble(err)
		return
	}
	v.list.Store(&list)
	v.seq.Store(seq)
}

// current returns those that are in force.
func (v *revocations) current() []proto.Revocation {
	list := v.list.Load()
	if list == nil {
		return nil
	}
	now := time.Now().Unix()
	return slices.DeleteFunc(slices.Clone(*list), func(r proto.Revocation) bool { return r.Until <= now })
}

// event is what gateways are answered.
func (v *revocations) event() proto.Event {
	seq := v.seq.Load() // before the list, which may be newer
	return proto.Event{Name: proto.Revoked, Seq: seq, More: &proto.More{Revoked: v.current()}}
}

// answer answers a gateway with the tokens that count no more, once the stream was followed to its end.
func (v *revocations) answer(reply string) {
	e := v.event()
	if !v.s.followed.Load() {
		e = proto.Errorf(proto.CodeUnavailable, "", "", "the journal has not been followed to its end yet")
	}
	v.s.metrics.answered(proto.OpRevoked, &e, 0)
	v.s.wire.publish(reply, proto.AppendEvent(nil, &e))
}

// revoke takes an operator's request.
func (in *intake) revoke(data []byte, reply string) {
	s := in.s
	defer s.contain("intake")
	if !s.subjects.ReplyAllowed(reply) {
		s.metrics.dropped["reply-subject"].Inc()
		return
	}
	req, err := proto.DecodeAdmin(proto.OpRevoke, data)
	now := time.Now()
	if err == nil && (req.Before <= 0 || req.Until <= now.Unix()) {
		err = errors.New(`"before" and "until" have to be seconds since 1970, and "until" in the future`)
	}
	if err != nil {
		s.wire.refuse(proto.OpRevoke, &req, reply, proto.CodeBadRequest, err.Error())
		return
	}
	r := &revoking{
		Revocation: proto.Revocation{User: req.Banned, Before: req.Before, Until: req.Until}, reply: reply,
		deadline: now.Add(proto.RequestTimeout),
	}
	select {
	case s.revoked.asked <- r:
	default:
		s.wire.refuse(proto.OpRevoke, &req, reply, proto.CodeUnavailable, "the room service has too much to do")
	}
}

// run carries out operators' requests, one at a time, until ctx ends.
func (v *revocations) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-v.asked:
			e := v.carryOut(ctx, r)
			v.s.wire.publish(r.reply, proto.AppendEvent(nil, &e))
		}
	}
}

// carryOut appends the record with one revocation more, on what the feed has brought, until that is stored or the time is up.
func (v *revocations) carryOut(ctx context.Context, r *revoking) proto.Event {
	for ctx.Err() == nil && time.Now().Before(r.deadline) {
		seq := v.seq.Load()
		list := slices.DeleteFunc(v.current(), func(o proto.Revocation) bool { return o.User == r.User && o.Before <= r.Before })
		if len(list) >= maxRevoked {
			return proto.Errorf(proto.CodeRateLimited, "", "", "%d users' tokens are revoked, which is the most allowed", len(list))
		}
		stored, err := v.append(ctx, seq, append(list, r.Revocation))
		if err != nil && !errors.Is(err, journal.ErrConflict) {
			v.s.trouble(err)
		}
		if stored > 0 {
			v.s.log.Info("moderation", "what", "revoke", "by", "operator", "user", r.User)
			wait(ctx, revokeTry, func() bool { return v.seq.Load() >= stored }) // so that its beat says it
			return v.event()
		}
		wait(ctx, revokeTry/4, func() bool { return v.seq.Load() != seq })
	}
	return proto.Errorf(proto.CodeUnavailable, "", "", "the journal has not stored it in time: asking again is safe")
}

// append appends the record where it stands at seq. It returns where it stands then; 0: it was not stored.
func (v *revocations) append(ctx context.Context, seq uint64, list []proto.Revocation) (uint64, error) {
	done := make(chan journal.Result, 1)
	id, err := v.s.journal.Append(proto.RevokedToken, proto.AppendRevoked(nil, list), seq, 0, func(_ uint64, r journal.Result) {
		select {
		case done <- r:
		default:
		}
	})
	if err != nil {
		return 0, err // it says what was done
	}
	limit := time.NewTimer(revokeTry)
	defer limit.Stop()
	select {
	case r := <-done:
		return r.Seq, r.Err
	case <-limit.C:
	case <-ctx.Done():
	}
	v.s.journal.Forget(id)
	return 0, nil
}

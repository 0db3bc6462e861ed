package gateway

import (
	"math"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

func FuzzReplyToken(f *testing.F) {
	f.Add("1-2-3", uint64(1), uint64(2), uint32(3))
	f.Add("--", uint64(0), uint64(math.MaxUint64), uint32(math.MaxUint32))
	f.Add("zz-zz-zzzzzzzzz", uint64(35), uint64(36), uint32(0))
	s, err := proto.NewSubjects("")
	if err != nil {
		f.Fatal(err)
	}
	id := proto.NewGatewayID()
	f.Fuzz(func(t *testing.T, token string, session, num uint64, attempt uint32) {
		parseReplyToken(token) // whatever it is
		made := replyToken(session, num, attempt)
		if !s.ReplyAllowed(s.Reply(id, made)) {
			t.Errorf("replicas would not answer to %q", made)
		}
		gotSession, gotNum, gotAttempt, ok := parseReplyToken(made)
		if !ok || gotSession != session || gotNum != num || gotAttempt != attempt {
			t.Errorf("%q: %d %d %d %t", made, gotSession, gotNum, gotAttempt, ok)
		}
		g := &Gateway{id: id}
		if err := g.requestID(session, num).Check(); err != nil {
			t.Error(err)
		}
	})
}

package ask

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
	f.Fuzz(func(t *testing.T, text string, session, num uint64, attempt uint32) {
		ParseToken(text) // whatever it is
		made := token(session, num, attempt)
		if !s.ReplyAllowed(s.Reply(id, made)) {
			t.Errorf("replicas would not answer to %q", made)
		}
		gotSession, gotNum, gotAttempt, ok := ParseToken(made)
		if !ok || gotSession != session || gotNum != num || gotAttempt != attempt {
			t.Errorf("%q: %d %d %d %t", made, gotSession, gotNum, gotAttempt, ok)
		}
		if err := RequestID(id, session, num).Check(); err != nil {
			t.Error(err)
		}
	})
}

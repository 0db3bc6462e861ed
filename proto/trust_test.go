package proto

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// A password does not leave the decoder: what stands for it is the same for all who make it, and another in each room.
func TestAPasswordIsReadAsItsProof(t *testing.T) {
	t.Parallel()
	const want = "i7B6TdZlsYgwZcAk9uisA98f5SMjlhJvwT7MefZg0IM"
	got := PasswordProof("lobby", "öffne dich")
	if got != want || got == PasswordProof("lobby2", "öffne dich") || got == PasswordProof("lobby", "öffne dich ") {
		t.Errorf("the proof is %s", got)
	}
	for _, wire := range []string{
		`{"event":"room-join","room":"lobby","password":"öffne dich"}`, `{"password":"öffne dich","room":"lobby","event":"room-knock"}`,
		`{"event":"room-update","room":"lobby","password":"öffne dich"}`,
	} {
		f, err := DecodeFrame([]byte(wire))
		if err != nil {
			t.Fatal(err)
		}
		proof := f.More.Proof
		if f.More.Update != nil {
			proof = *f.More.Update.Proof
		}
		if proof != got {
			t.Errorf("%s is read as %+v", wire, f.More)
		}
	}
}

// What outlives a room is who was banned or removed, as long as that holds, and nothing else.
func TestWhatStandsAboutARoomEndsByItself(t *testing.T) {
	t.Parallel()
	a := &About{
		Locked: true, Bans: []Hold{{Sub: "bob", Until: 2000}, {Sub: "kim", Until: 5000}}, Kicked: []Hold{{ID: "eve", Until: 3000}},
		Admitted: []Hold{{ID: "zoe", Until: 9000}},
	}
	now := a.At(2000)
	if len(now.Bans) != 1 || len(now.Kicked) != 1 || len(a.Bans) != 2 || !now.Locked {
		t.Errorf("at 2,000 stands %+v", now)
	}
	rest, until := a.Outliving(2500)
	if rest.Locked || len(rest.Bans) != 1 || len(rest.Admitted) != 0 || until != 5000 {
		t.Errorf("%+v outlives it until %d", rest, until)
	}
	if rest, _ := a.Outliving(5000); rest != nil {
		t.Errorf("%+v outlives it", rest)
	}
	if (&About{Bans: []Hold{{Sub: "bob", Until: 1}}}).At(1) != nil {
		t.Error("something stands where nothing does")
	}
}

// An operator's request names no client, and cannot take one's place.
func TestAnOperatorsRequestIsNoClients(t *testing.T) {
	t.Parallel()
	r, err := DecodeAdmin(OpKick, []byte(`{"room":"lobby","targetId":"x","clientId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","sub":"ann","turn":7}`))
	if err != nil || !r.Admin || r.ClientID != "" || r.Sub != "" || r.Turn != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for op, bad := range map[Op]string{
		OpKick: `{"room":"lobby"}`, OpBan: `{"room":"lobby","banned":"bob"}`, OpRevoke: `{}`, OpDisconnect: `{"banned":""}`, OpClose: `{}`,
		OpUpdate: `{"room":"lobby","update":{}}`,
	} {
		if _, err := DecodeAdmin(op, []byte(bad)); !errors.Is(err, ErrRequest) {
			t.Errorf("%s %s: %v", op, bad, err)
		}
	}
}

func TestAnObjectIsBoundedInSizeAndDepth(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]string{
		"nothing": "", "a list": "[]", "too large": `{"a":"` + strings.Repeat("x", 100) + `"}`, "twice": `{"a":1,"a":2}`,
		"too deep": strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), "a lone surrogate": `{"a":"\ud83c"}`,
	} {
		most := 50
		if name == "too deep" {
			most = 1 << 20
		}
		if err := CheckObject("meta", jsontext.Value(v), most); !errors.Is(err, ErrMeta) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckObject("meta", jsontext.Value(`{"a":[{"b":"ü"}]}`), 50); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeAdmin(f *testing.F) {
	for _, w := range golden.Requests {
		f.Add(string(w.Op), []byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, op string, b []byte) {
		r, err := DecodeAdmin(Op(op), b)
		if err != nil {
			return
		}
		if again, err := DecodeAdmin(Op(op), AppendRequest(nil, Op(op), &r)); err != nil || again.Room != r.Room || again.Banned != r.Banned {
			t.Fatalf("%+v is written as %s, %v", r, AppendRequest(nil, Op(op), &r), err)
		}
	})
}

func BenchmarkSignalOfAUser(b *testing.B) {
	for name, sub := range map[string]string{"without": "", "with": "ann@example.org"} {
		wire := AppendRequest(nil, OpSignal, &Request{
			Room: "lobby", ClientID: "9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5", Gateway: "5d6e7f80-9a0b-4c1d-8e2f-3a4b5c6d7e8f",
			TargetID: "c2d4e6f8-1a3c-4e5f-9a7b-8c9dadbecfd0", N: 7, Data: jsontext.Value(`{"candidate":{}}`), Sub: sub,
		})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := DecodeSignal(wire)
				if err != nil || r.Sub != sub {
					b.Fatal(err)
				}
				wire = AppendRequest(wire[:0], OpSignal, &r)
			}
		})
	}
}

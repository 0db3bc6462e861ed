package proto

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// roomOf returns a record of a room with n members on two gateways, as a million of them look.
func roomOf(n int) *Record {
	r := &Record{Room: "lobby", Prev: 7, Change: Change{Event: ClientJoined, Request: "x", Replica: "r1"}}
	for i := range n {
		g := GatewayID([]string{"5d6e7f80-9a0b-4c1d-8e2f-3a4b5c6d7e8f", "6e7f8091-ab1c-4d2e-9f30-4b5c6d7e8f90"}[i%2])
		r.Members = append(r.Members, Member{
			ID: ClientID(fmt.Sprintf("9f1c2d3e-0a4b-4c5d-8e6f-%012d", i)), Gateway: g,
			Request: RequestID(string(g) + "-" + strconv.FormatInt(int64(i), 36) + "-1"),
		})
	}
	r.OwnerID, r.Change.ID = r.Members[0].ID, r.Members[n-1].ID
	return r
}

func TestARecordOfForm2HasAtMost60BytesAMember(t *testing.T) {
	t.Parallel()
	r := roomOf(1000)
	b := AppendCompact(nil, r, PackMembers(r.Members))
	if each := len(b) / len(r.Members); each > 60 {
		t.Errorf("%d bytes a member", each)
	}
	if old := len(AppendRecord(nil, r)); old < 2*len(b) {
		t.Errorf("form 2 has %d bytes, form 1 %d", len(b), old)
	}
}

func TestARecordIsTheSameInEveryForm(t *testing.T) {
	t.Parallel()
	ids := rapid.StringMatching(`[A-Za-z0-9_-]{1,8}`)
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Room: Room(rapid.SampledFrom([]string{"lobby", "Küche \"1\"", `a,"members":[b`}).Draw(t, "room")),
			Prev: rapid.Uint64().Draw(t, "prev"), OwnerID: rapid.SampledFrom([]ClientID{"owner", "owner", ""}).Draw(t, "owner"),
			Change:      Change{Event: ClientLeft, ID: "gone", Request: RequestID(ids.Draw(t, "by")), Replica: "r", Gateways: []GatewayID{"g9"}},
			OnOwnerGone: rapid.SampledFrom([]Policy{"", "", PolicyTransfer, PolicyStay}).Draw(t, "policy"),
		}
		r.Change.Fresh, r.Change.Owner = rapid.Bool().Draw(t, "fresh"), rapid.Bool().Draw(t, "was owner")
		r.Change.Before = rapid.SampledFrom([]GatewayID{"", "g8"}).Draw(t, "before")
		sessions := rapid.Bool().Draw(t, "sessions")
		needs := r.OwnerID == "" || r.OnOwnerGone != ""
		var grown Pack
		gateways := rapid.SampledFrom([]GatewayID{"g1", "g2", "g-3", "ü\""})
		for range rapid.IntRange(1, 6).Draw(t, "members") {
			m := Member{ID: ClientID(ids.Draw(t, "id")), Gateway: gateways.Draw(t, "gateway"), Request: RequestID(ids.Draw(t, "request"))}
			if rapid.Bool().Draw(t, "own") {
				m.Request = RequestID(string(m.Gateway)) + "-" + m.Request
			}
			if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
				m.ID += "é"
			}
			if sessions {
				drawStay(t, &m)
			}
			needs = needs || m.Turn > 0 || m.Since > 0
			r.Members = append(r.Members, m)
			grown = grown.Join(m)
		}
		packed := PackMembers(r.Members)
		if !reflect.DeepEqual(packed, grown) {
			t.Fatalf("packed %+v, grown %+v", packed, grown)
		}
		var d RecordDecoder
		b := AppendCompact(nil, &r, packed)
		if form3 := bytes.HasPrefix(b, []byte(`{"v":3,`)); form3 != needs || (r.NeedsForm() == 3) != needs {
			t.Fatalf("%s, which needs form %d: form 3 is needed: %t", b, r.NeedsForm(), needs)
		}
		got, err := d.Decode(b)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%s\nis read as %+v, %v\nexpected %+v", b, got, err, r)
		}
		head, p, err := d.DecodeHead(b)
		if err != nil || p.Count != len(r.Members) || head.Members != nil || !bytes.Equal(AppendCompact(nil, &head, p), b) ||
			needs != (p.Form() == 3) {
			t.Fatalf("the head of %s is read as %+v, %+v, %v", b, head, p, err)
		}
	})
}

// Two joins are decided on the same room when the first was refused: neither may write into the other's memory.
func TestJoinsOfOnePackAreApart(t *testing.T) {
	t.Parallel()
	base := PackMembers(roomOf(2).Members).Join(roomOf(3).Members[2]) // with room for more behind it
	a, b := base.Join(Member{ID: "a", Gateway: "ga", Request: "ra"}), base.Join(Member{ID: "b", Gateway: "gb", Request: "rb"})
	for p, want := range map[*Pack]Member{
		&a: {ID: "a", Gateway: "ga", Request: "ra"}, &b: {ID: "b", Gateway: "gb", Request: "rb"},
	} {
		if m, err := p.Members(); err != nil || m[3] != want {
			t.Errorf("%+v, %v, expected %+v", m, err, want)
		}
	}
}

// A member with a session makes a room one of form 3, and those who come after it as well; the members before it stand as they did.
func TestAJoinOfASessionIsOfForm3AndAnotherIsNot(t *testing.T) {
	t.Parallel()
	members := roomOf(2).Members
	plain, session := Member{ID: "p", Gateway: "g", Request: "r1"}, Member{ID: "s", Gateway: "g", Request: "r2", Turn: 1, Keep: 30, Since: 912}
	later := Member{ID: "l", Gateway: "g", Request: "r3", Since: 915}
	base := PackMembers(members)
	for _, c := range []struct {
		joins []Member
		form  int
	}{
		{nil, 2}, {[]Member{plain}, 2}, {[]Member{session}, 3}, {[]Member{plain, session}, 3}, {[]Member{session, plain}, 3}, {[]Member{session, later}, 3},
	} {
		p := base
		for _, m := range c.joins {
			p = p.Join(m)
		}
		got, err := p.Members()
		if want := append(slices.Clone(members), c.joins...); err != nil || !slices.Equal(got, want) || p.Form() != c.form {
			t.Errorf("%+v\nis read as %+v of form %d, %v", want, got, p.Form(), err)
		}
		if base.Form() != 2 {
			t.Error("a join changed what it joined")
		}
	}
}

// What nobody keeps for longer than may be, a record does not either; and nothing is kept without a turn.
func TestARecordSaysNoMoreThanMayBe(t *testing.T) {
	t.Parallel()
	for stay, want := range map[string]Member{
		`1,30,5`:    {Turn: 1, Keep: 30, Since: 5},
		`0,30,5`:    {Since: 5},
		`1,0,0`:     {Turn: 1},
		`9e9,1,1`:   {},
		`1.5,1,1`:   {},
		`-1,1,1`:    {},
		`1,-1,1`:    {},
		`1,1,-1`:    {},
		`1,1`:       {},
		`1,1,1,1`:   {},
		`"1",1,1`:   {},
		`1,301,5`:   {Turn: 1, Keep: MaxKeep, Since: 5},
		`1, 30 , 5`: {Turn: 1, Keep: 30, Since: 5},
		`9999999999,18446744073709551615,18446744073709551615`: {Turn: MaxTurn, Keep: MaxKeep, Since: 1<<64 - 1},
	} {
		b := `{"v":3,"room":"a","prev":1,"change":{"event":"x","request":"q","replica":"r"},"closed":false,"gateways":["g"],"ownerId":"o","count":1,"members":[["a",0,"q",` +
			stay + `]]}`
		r, err := DecodeRecord([]byte(b))
		if want == (Member{}) {
			if !errors.Is(err, ErrRecord) || errors.Is(err, ErrRecordForm) {
				t.Errorf("%s: %+v, %v", stay, r.Members, err)
			}
			continue
		}
		want.ID, want.Gateway, want.Request = "a", "g", "q"
		if err != nil || r.Members[0] != want {
			t.Errorf("%s: %+v, %v", stay, r.Members, err)
		}
		if _, err := DecodeRecord([]byte(strings.Replace(b, `"v":3`, `"v":2`, 1))); !errors.Is(err, ErrRecord) {
			t.Errorf("%s in form 2: %v", stay, err)
		}
	}
}

func TestWhatNeedsForm3(t *testing.T) {
	t.Parallel()
	needs := func(change func(r *Record)) int {
		r := roomOf(2)
		change(r)
		return r.NeedsForm()
	}
	for what, c := range map[string]struct {
		form   int
		change func(r *Record)
	}{
		"an ordinary room": {1, func(*Record) {}},
		"close":            {1, func(r *Record) { r.OnOwnerGone = PolicyClose }},
		"transfer":         {3, func(r *Record) { r.OnOwnerGone = PolicyTransfer }},
		"stay":             {3, func(r *Record) { r.OnOwnerGone = PolicyStay }},
		"no owner":         {3, func(r *Record) { r.OwnerID = "" }},
		"a session":        {3, func(r *Record) { r.Members[1].Turn = 1 }},
		"who came later":   {3, func(r *Record) { r.Members[1].Since = 1 }},
		"a closing":        {1, func(r *Record) { r.Members, r.Closed, r.OwnerID, r.OnOwnerGone = nil, true, "", PolicyStay }},
	} {
		if got := needs(c.change); got != c.form {
			t.Errorf("%s needs form %d, expected %d", what, got, c.form)
		}
	}
}

func TestRecordsThatAreNewerOrBrokenAreToldApart(t *testing.T) {
	t.Parallel()
	r := roomOf(2)
	good := string(AppendCompact(nil, r, PackMembers(r.Members)))
	var d RecordDecoder
	for _, newer := range []string{`{"v":5}`, `{"v":5,"room":7}`, strings.Replace(good, `"v":2`, `"v":5`, 1)} {
		if _, err := d.Decode([]byte(newer)); !errors.Is(err, ErrRecordForm) || !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", newer, err)
		}
	}
	for _, broken := range []string{
		`{"v":2}`, `{"v":1,"room":"a"}`, `{"v":2,"members":[]}`, `{"v":2,"members":[`,
		strings.Replace(good, `"count":2`, `"count":3`, 1), strings.Replace(good, `"count":2`, `"count":0`, 1),
		strings.Replace(good, `,1,"`, `,2,"`, 1), strings.Replace(good, `"closed":false`, `"closed":true`, 1),
		strings.Replace(good, `"]]}`, `",{"keep":30}]]}`, 1), strings.TrimSuffix(good, "}"), good + " x",
	} {
		if got, err := d.Decode([]byte(broken)); !errors.Is(err, ErrRecord) || errors.Is(err, ErrRecordForm) {
			t.Errorf("%s: %+v, %v", broken, got, err)
		}
	}
}

func FuzzCompactRecord(f *testing.F) {
	r := roomOf(3)
	f.Add(AppendCompact(nil, r, PackMembers(r.Members)))
	for _, w := range golden.Records {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d RecordDecoder
		r, p, err := d.DecodeHead(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		members, err := p.Members()
		if err != nil {
			return
		}
		r.Members = members
		again, err := d.Decode(AppendCompact(nil, &r, PackMembers(members)))
		if err != nil || !reflect.DeepEqual(again.Members, r.Members) || again.OwnerID != r.OwnerID || again.outlivesOwner() != r.outlivesOwner() {
			t.Fatalf("%s is read as %+v, and written and read again as %+v, %v", b, r, again, err)
		}
	})
}

func BenchmarkRecord1000(b *testing.B) {
	r := roomOf(1000)
	p := PackMembers(r.Members)
	old, compact := AppendRecord(nil, r), AppendCompact(nil, r, p)
	var d RecordDecoder
	for name, f := range map[string]func(){
		"join/1":   func() { AppendRecord(make([]byte, 0, len(old)), r) },
		"join/2":   func() { AppendCompact(make([]byte, 0, len(compact)+128), r, p.Join(r.Members[0])) },
		"decode/1": func() { _, _ = d.Decode(old) },
		"decode/2": func() { _, _ = d.Decode(compact) },
		"head/2":   func() { _, _, _ = d.DecodeHead(compact) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

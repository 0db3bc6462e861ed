package room_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// whoMayWhat says what each request is answered, by who asks and by the token that it asks with: see tokens. One outcome in a line is
// that of all. A star: the room has changed.
const whoMayWhat = `
create, stranger: room-exists / forbidden / room-exists / forbidden / forbidden
create, member: room-exists / forbidden / room-exists / forbidden / forbidden
create, moderator: room-exists / forbidden / room-exists / forbidden / forbidden
create, owner: room-exists / forbidden / room-exists / forbidden / forbidden
create, plain owner: room-exists / forbidden / room-exists / forbidden / forbidden
join, stranger: room-joined* / forbidden / forbidden / room-joined* / forbidden
join, member: room-joined
join, moderator: room-joined
join, owner: room-joined
join, plain owner: room-joined
enter, stranger: room-joined* / forbidden / forbidden / room-joined* / forbidden
enter, member: room-joined
enter, moderator: room-joined
enter, owner: room-joined
enter, plain owner: room-joined
resume, stranger: not-in-room
resume, member: forbidden / not-in-room* / not-in-room* / resumed* / not-in-room*
resume, moderator: forbidden / not-in-room* / not-in-room* / resumed* / not-in-room*
resume, owner: forbidden / not-in-room* / resumed* / resumed* / not-in-room*
resume, plain owner: resumed* / not-in-room* / resumed* / resumed* / not-in-room*
leave, stranger: not-in-room
leave, member: room-left*
leave, moderator: room-left*
leave, owner: room-left*
leave, plain owner: room-left*
close, stranger: not-in-room / not-in-room / not-in-room / not-in-room / room-left*
close, member: forbidden / forbidden / forbidden / forbidden / room-left*
close, moderator: forbidden / forbidden / forbidden / forbidden / room-left*
close, owner: forbidden / room-left* / room-left* / room-left* / room-left*
close, plain owner: room-left*
close, operator: room-left*
signal, stranger: not-in-room
signal, member: relayed
signal, moderator: relayed
signal, owner: relayed
signal, plain owner: relayed
roster, stranger: roster
roster, member: roster
roster, moderator: roster
roster, owner: roster
roster, plain owner: roster
member, stranger: not-in-room
member, member: forbidden / member-updated* / member-updated* / member-updated* / member-updated*
member, moderator: forbidden / member-updated* / member-updated* / member-updated* / member-updated*
member, owner: forbidden / member-updated* / member-updated* / member-updated* / member-updated*
member, plain owner: member-updated*
kick, stranger: forbidden / forbidden / forbidden / forbidden / client-kicked*
kick, member: forbidden / forbidden / forbidden / forbidden / client-kicked*
kick, moderator: forbidden / forbidden / forbidden / forbidden / client-kicked*
kick, owner: forbidden / client-kicked* / client-kicked* / client-kicked* / client-kicked*
kick, plain owner: client-kicked*
kick, operator: client-kicked*
ban, stranger: forbidden / forbidden / forbidden / forbidden / client-banned*
ban, member: forbidden / forbidden / forbidden / forbidden / client-banned*
ban, moderator: forbidden / forbidden / forbidden / forbidden / client-banned*
ban, owner: forbidden / client-banned* / client-banned* / client-banned* / client-banned*
ban, plain owner: forbidden / client-banned* / client-banned* / client-banned* / client-banned*
ban, operator: client-banned*
unban, stranger: forbidden / forbidden / forbidden / forbidden / client-unbanned*
unban, member: forbidden / forbidden / forbidden / forbidden / client-unbanned*
unban, moderator: forbidden / forbidden / forbidden / forbidden / client-unbanned*
unban, owner: forbidden / client-unbanned* / client-unbanned* / client-unbanned* / client-unbanned*
unban, plain owner: client-unbanned*
unban, operator: client-unbanned*
update, stranger: forbidden / forbidden / forbidden / forbidden / room-updated*
update, member: forbidden / forbidden / forbidden / forbidden / room-updated*
update, moderator: forbidden / forbidden / forbidden / forbidden / room-updated*
update, owner: forbidden / room-updated* / room-updated* / room-updated* / room-updated*
update, plain owner: room-updated*
update, operator: room-updated*
transfer, stranger: forbidden
transfer, member: forbidden
transfer, moderator: forbidden
transfer, owner: forbidden / room-updated* / room-updated* / room-updated* / room-updated*
transfer, plain owner: room-updated*
transfer, operator: room-updated*
knock, stranger: knock-admitted / forbidden / forbidden / knock-admitted / forbidden
knock, member: knock-admitted
knock, moderator: knock-admitted
knock, owner: knock-admitted
knock, plain owner: knock-admitted
admit, stranger: forbidden / forbidden / forbidden / forbidden / client-admitted*
admit, member: forbidden / forbidden / forbidden / forbidden / client-admitted*
admit, moderator: forbidden / forbidden / forbidden / forbidden / client-admitted*
admit, owner: forbidden / client-admitted* / client-admitted* / client-admitted* / client-admitted*
admit, plain owner: client-admitted*
admit, operator: client-admitted*
refuse, stranger: forbidden / forbidden / forbidden / forbidden / client-refused*
refuse, member: forbidden / forbidden / forbidden / forbidden / client-refused*
refuse, moderator: forbidden / forbidden / forbidden / forbidden / client-refused*
refuse, owner: forbidden / client-refused* / client-refused* / client-refused* / client-refused*
refuse, plain owner: client-refused*
refuse, operator: client-refused*
about, stranger: forbidden / forbidden / forbidden / forbidden / room-roster
about, member: forbidden / forbidden / forbidden / forbidden / room-roster
about, moderator: forbidden / forbidden / forbidden / forbidden / room-roster
about, owner: forbidden / room-roster / room-roster / room-roster / room-roster
about, plain owner: room-roster
about, operator: room-roster
`

// askers are in a room that has an owner with a token, a moderator and two members; but for the stranger and the operator, who are not
// in it. The plain owner is the owner without a token of a room like it. That the moderator's record says what it is gives it no
// right: its token does.
var askers = map[string]proto.ClientID{
	"stranger": "new", "member": "eve", "moderator": "mod", "owner": "ann", "plain owner": "ann", "operator": "",
}

// tokens are what askers ask with: none, one that grants nothing, and one that grants a single thing.
var tokens = []string{"none", "nothing", "create", "join", "moderate"}

// TestEachRequestByEachAskerWithEachToken holds every operation on a room against the table.
func TestEachRequestByEachAskerWithEachToken(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	got.WriteByte('\n')
	for _, op := range proto.Ops() {
		if op == proto.OpList || op == proto.OpRevoked {
			continue // of no room
		}
		for _, asker := range []string{"stranger", "member", "moderator", "owner", "plain owner", "operator"} {
			var outcomes []string
			for _, token := range tokens {
				if asker == "operator" && (token != "none" || !op.Moderates() && op != proto.OpClose) {
					continue // it has none, and there is nothing else for it
				}
				outcomes = append(outcomes, outcome(t, op, asker, token))
			}
			if len(outcomes) > 0 {
				fmt.Fprintf(&got, "%s, %s: %s\n", op, asker, strings.Join(same(outcomes), " / "))
			}
		}
	}
	if got.String() != whoMayWhat {
		t.Errorf("got%sexpected%s", got.String(), whoMayWhat)
	}
}

// outcome decides one request.
func outcome(t *testing.T, op proto.Op, asker, token string) string {
	t.Helper()
	who := func(sub string, mod bool) *proto.Who { return &proto.Who{Sub: sub, Mod: mod} }
	st := &room.State{Seq: 7, Record: proto.Record{
		Room: "r", OwnerID: "ann", Change: proto.Change{Event: proto.ClientJoined, ID: "tom", Request: "j3"},
		Members: []proto.Member{
			{ID: "ann", Gateway: "g", Request: "c1", Turn: 1, Keep: 30, Who: who("A", false)},
			{ID: "mod", Gateway: "g", Request: "j1", Turn: 1, Keep: 30, Who: who("M", true)},
			{ID: "eve", Gateway: "g", Request: "j2", Turn: 1, Keep: 30, Who: who("E", false)},
			{ID: "tom", Gateway: "g", Request: "j3", Who: who("T", false)},
		},
	}}
	if asker == "plain owner" {
		st.Record.Members[0].Who = nil
	}
	q := room.Request{Op: op, ID: "q", At: 1000}
	q.Room, q.ClientID, q.Gateway, q.Turn, q.Keep = "r", askers[asker], "g", 1, 30
	q.Admin = asker == "operator"
	if token != "none" {
		q.Sub = map[proto.ClientID]string{"ann": "A", "mod": "M", "eve": "E", "new": "N"}[q.ClientID]
		q.Can, _ = proto.ParseGrant(token) // nothing is no grant
	}
	switch op {
	case proto.OpResume:
		q.Turn = 2
	case proto.OpSignal:
		q.TargetID = "tom"
	case proto.OpMember:
		q.Meta = jsontext.Value(`{"a":1}`)
	case proto.OpUnban:
		st.Record.About = &proto.About{Bans: []proto.Hold{{Sub: "B", Until: 9000}}}
		q.Banned = "B"
	case proto.OpUpdate:
		q.Update = &proto.Update{Locked: new(true)}
	case proto.OpAdmit, proto.OpRefuse:
		q.TargetID = "zoe"
	case proto.OpKick, proto.OpBan, proto.OpTransfer:
		q.TargetID, q.Seconds = "tom", 60
	default:
	}
	d := room.Rules{Replica: "R"}.Decide(st, &q)
	name := string(d.Answer.Name)
	switch {
	case d.Relay != "":
		name = "relayed"
	case d.Answer.Name == proto.Error:
		name = string(d.Answer.Code)
	}
	if d.Record != nil {
		name += "*"
	}
	return name
}

// same is one outcome where all are the same.
func same(outcomes []string) []string {
	for _, o := range outcomes {
		if o != outcomes[0] {
			return outcomes
		}
	}
	return outcomes[:1]
}

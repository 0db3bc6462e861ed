package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// errNoRoom is wrapped by what run returns for a room that there is not.
var errNoRoom = errors.New("there is no such room")

// room is the command that shows one.
type room struct {
	flags

	Name string `arg:"" help:"The room's name."`
}

func (r *room) check() error {
	if err := checkRoom(r.Name); err != nil {
		return err
	}
	return r.flags.check()
}

func checkRoom(name string) error {
	if err := proto.Room(name).Check(); err != nil {
		return settings.Errorf("%v: %q cannot be a room", err, name)
	}
	return nil
}

// roomView is what is shown of a room.
type roomView struct {
	Room    proto.Room       `json:"room"`
	Token   proto.Token      `json:"token"`
	OwnerID proto.ClientID   `json:"ownerId"`
	Policy  proto.Policy     `json:"onOwnerGone,omitzero"` // where it is not close
	Clients []proto.ClientID `json:"clients"`              // in join order
	// Who says of members what their tokens and they themselves say.
	Who map[proto.ClientID]*proto.Who `json:"who,omitempty"`
	// About is what stands about the room; with the login admin also who is banned, and who knocks.
	About []string `json:"about,omitempty"`
	Seq   uint64   `json:"seq"`
	// Sessions are those of the members that may be resumed.
	Sessions map[proto.ClientID]sessionView `json:"sessions,omitempty"`
	First    proto.ReplicaID                `json:"first,omitzero"` // the replica that ranks first
	Replicas int                            `json:"replicas"`       // that are up
	Trouble  string                         `json:"trouble,omitzero"`
}

func (r *room) run(ctx context.Context, out, _ io.Writer) error {
	c, err := r.connect("room")
	if err != nil {
		return err
	}
	defer c.Close()
	heard := make(chan *nats.Msg, waiting)
	denied := c.hear(c.subjects.BeatAll(proto.RoleRoomsvc), heard)
	since := time.Now()
	name := proto.Room(r.Name)
	e, beside, err := c.askBeside(ctx, proto.OpRoster, &proto.Request{Room: name})
	switch {
	case err != nil:
		return err
	case e.Name == proto.RoomNotExists:
		return fmt.Errorf("%w as %s; `parley rooms` lists those that there are", errNoRoom, quote(r.Name))
	case e.Name != proto.Roster:
		return fmt.Errorf("the room service answers %q to a roster", e.Name)
	}
	v := &roomView{Room: name, Token: name.Token(), OwnerID: e.OwnerID, Policy: e.Policy, Clients: e.Clients, Seq: e.Seq}
	c.trust(ctx, v, &e)
	if v.Sessions, err = c.sessions(ctx, name, beside.Get(proto.HeaderMembers)); err != nil {
		return err
	}
	if denied != nil {
		v.Trouble = "which replica serves it is not known: beats: " + denied.Error()
	} else {
		p := collect(c.subjects, heard, time.Until(since.Add(window)))
		up := p.up()
		v.First, v.Replicas = proto.First(up, v.Token), len(up)
	}
	if r.JSON {
		return lines(out, []*roomView{v})
	}
	return print(out, v.String())
}

// policy says what becomes of a room when its owner is gone.
func policy(p proto.Policy) string {
	text := quote(string(p))
	switch p {
	case proto.PolicyTransfer:
		text += ": when its owner is gone, the member that has been in longest owns it"
	case proto.PolicyStay:
		text += ": when its owner is gone, it goes on without one"
	case proto.PolicyClose: // it is not shown
	}
	return text
}

func (v *roomView) String() string {
	var b strings.Builder
	line := func(head, value string) { fmt.Fprintf(&b, "%-10s%s\n", head, value) }
	line("Room", quote(string(v.Room)))
	line("Token", string(v.Token))
	line("Owner", owner(v.OwnerID))
	if v.Policy != "" {
		line("Policy", policy(v.Policy))
	}
	for _, about := range v.About {
		line("About", about)
	}
	line("Seq", fmt.Sprint(v.Seq))
	switch {
	case v.Trouble != "":
		line("Replica", v.Trouble)
	case v.First == "":
		line("Replica", "none beats")
	default:
		line("Replica", fmt.Sprintf("%s, first of %d", quote(string(v.First)), v.Replicas))
	}
	line("Members", fmt.Sprint(len(v.Clients)))
	for i, id := range v.Clients {
		line(fmt.Sprintf("%7d", i+1), quote(string(id))+named(v.Who[id])+v.Sessions[id].String())
	}
	return b.String()
}

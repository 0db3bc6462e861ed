package operate

import (
	"context"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/proto"
)

// rooms is the command that lists them.
type rooms struct {
	flags
}

func (r *rooms) run(ctx context.Context, out, _ io.Writer) error {
	c, err := r.connect("rooms")
	if err != nil {
		return err
	}
	defer c.Close()
	t := &table{out: out, columns: []column{{head: "ROOM"}, {head: "OWNER"}, {"MEMBERS", true}, {"SEQ", true}}}
	var sum tally
	err = c.pages(ctx, func(page []proto.RoomInfo) error {
		sum.add(page)
		if r.JSON {
			return lines(out, page)
		}
		rows := make([][]string, len(page))
		for i, p := range page {
			rows[i] = []string{
				quote(string(p.Room)), owner(p.OwnerID), fmt.Sprint(p.Members), fmt.Sprint(p.Seq),
			}
		}
		return t.rows(rows)
	})
	switch {
	case err != nil || r.JSON:
		return err
	case sum.rooms == 0:
		return print(out, "There are no rooms.\n")
	}
	return print(out, "\n"+sum.String()+"\n")
}

// pages asks for the rooms, some at a time. Rooms that come or go meanwhile are listed or not.
func (c *conn) pages(ctx context.Context, take func([]proto.RoomInfo) error) error {
	var after proto.Room
	for {
		e, err := c.ask(ctx, proto.OpList, &proto.Request{After: after, Limit: proto.MaxList})
		if err != nil {
			return err
		}
		if len(e.List) > 0 {
			if err := take(e.List); err != nil {
				return err
			}
		}
		if e.Next <= after { // the end, or an answer that would have us ask for ever
			return nil
		}
		after = e.Next
	}
}

// tally counts rooms.
type tally struct {
	rooms, members uint64
}

func (t *tally) add(page []proto.RoomInfo) {
	t.rooms += uint64(len(page))
	for _, p := range page {
		t.members += uint64(max(p.Members, 0)) // not negative
	}
}

func (t *tally) String() string {
	return plural(t.rooms, "room", "rooms") + ", " + plural(t.members, "member", "members")
}

// lines prints each value as JSON on a line of its own.
func lines[T any](out io.Writer, values []T) error {
	var b []byte
	for _, v := range values {
		one, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		b = append(append(b, one...), '\n')
	}
	return print(out, string(b))
}

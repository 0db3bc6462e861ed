// Package parley is Parley's client for programs in Go: bots, recorders, devices, whoever takes part in a room beside browsers.
//
// A [Client] is a session with a server. It outlives its connections: one that is lost comes back by itself, under the same id and in the
// same rooms, and what was sent meanwhile is not lost. A [Room] is a room that the client is in; what happens there is taken from it, one
// [Event] after the other:
//
//	client, err := parley.Connect(ctx, "http://localhost:8080")
//	room, err := client.Enter(ctx, "lobby", parley.Entry{})
//	for {
//		event, err := room.Next(ctx)
//		if err != nil {
//			return err // room.Ended says why
//		}
//		if event.Kind == parley.Signal {
//			fmt.Println(event.ID, string(event.Data))
//		}
//	}
//
// A client has one goroutine besides those of its connection, and leaves none behind when it is closed. All methods may be called from
// any goroutine.
//
// The server's side of this is docs/PROTOCOL.md, sections 1, 2, 4, 5 and 8.
package parley

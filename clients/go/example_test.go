package parley_test

import (
	"context"
	"fmt"
	"log"

	parley "github.com/parley-rtc/parley/clients/go"
)

// A bot that answers whoever sends it something.
func Example() {
	ctx := context.Background()
	client, err := parley.Connect(ctx, "http://localhost:8080")
	if err != nil {
		log.Fatal(err) // it says what to do
	}
	defer client.Close()
	room, err := client.Enter(ctx, "lobby", parley.Entry{Meta: map[string]string{"name": "Bot"}})
	if err != nil {
		log.Fatal(err)
	}
	for {
		event, err := room.Next(ctx)
		if err != nil {
			log.Fatal(err) // the room is over: *parley.End says why
		}
		switch event.Kind {
		case parley.Join:
			fmt.Println(event.ID, "came")
		case parley.Signal:
			if err := room.Signal(ctx, event.ID, map[string]string{"you said": string(event.Data)}); err != nil {
				fmt.Println(err)
			}
		default: // PROTOCOL.md may have more by then
		}
	}
}

// Who says what becomes of the connection, and where tokens come from.
func ExampleConnect() {
	client, err := parley.Connect(context.Background(), "wss://parley.example",
		parley.TokenFrom(func(context.Context) (string, error) { return "asked of the app's server", nil }),
		parley.Notify(func(n parley.Notice) { log.Println(n.State, n.Delay, n.Err) }),
	)
	if err != nil {
		log.Fatal(err)
	}
	client.Close()
}

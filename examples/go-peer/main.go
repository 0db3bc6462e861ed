// Command go-peer takes part in a call: it enters a room, sends everybody there a moving picture, and answers what they write in the chat of
// Parley's page. It goes on when the server is restarted or the network is another.
//
//	go run . --server http://localhost:8080 --room lobby
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"

	parley "github.com/parley-rtc/parley/clients/go"
)

func main() {
	server := flag.String("server", "http://localhost:8080", "the gateway's address")
	name := flag.String("room", "lobby", "the room to enter")
	token := flag.String("token", "", "who this is, where the server asks for it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *server, *name, *token); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

func run(ctx context.Context, server, name, token string) error {
	options := []parley.Option{parley.Notify(func(n parley.Notice) { log.Println("connection:", n.State, n.Err) })}
	if token != "" {
		options = append(options, parley.Token(token))
	}
	client, err := parley.Connect(ctx, server, options...)
	if err != nil {
		return err
	}
	defer client.Close()
	picture, err := newPicture()
	if err != nil {
		return err
	}
	go picture.play(ctx)
	room, err := client.Enter(ctx, name, parley.Entry{Meta: map[string]string{"name": "Go peer"}, OnOwnerGone: parley.TransferIt})
	if err != nil {
		return err
	}
	log.Println("in", name)
	servers, _, err := client.ICEServers(ctx)
	if err != nil {
		log.Println("no ICE servers:", err) // an older server
	}
	return takePart(ctx, room, picture, servers)
}

// takePart keeps a peer connection to every member.
func takePart(ctx context.Context, room *parley.Room, picture *picture, servers []parley.ICEServer) error {
	peers, crossed := map[string]*peer{}, make(chan crossing)
	remove := func(id string) {
		if p := peers[id]; p != nil {
			p.close()
			delete(peers, id)
		}
	}
	defer func() {
		for id := range peers {
			remove(id)
		}
	}()
	// Who was here first makes the offer: it hears of who comes.
	add := func(id string, first bool) {
		remove(id)
		p, err := newPeer(ctx, room, id, picture, servers, first, crossed)
		if err != nil {
			log.Println("peer:", err)
			return
		}
		peers[id] = p
	}
	for _, id := range room.Members() {
		add(id, false)
	}
	events, over := make(chan parley.Event), make(chan error, 1)
	go func() {
		for {
			event, err := room.Next(ctx)
			if err != nil {
				over <- err
				return
			}
			select {
			case events <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		var event parley.Event
		select {
		case event = <-events:
		case err := <-over:
			return err
		case c := <-crossed:
			// Both made an offer at once, and this side gives way. pion cannot take an offer back, so it gives way with its whole connection.
			if peers[c.from.id] == c.from {
				add(c.from.id, false)
				peers[c.from.id].take(message{Description: &c.offer})
			}
			continue
		}
		switch event.Kind {
		case parley.Join:
			if peers[event.ID] == nil {
				add(event.ID, true)
			}
		case parley.Leave:
			remove(event.ID)
		case parley.MemberBack:
			if event.Fresh { // its page was loaded anew: nothing is left of its connection
				add(event.ID, true)
			}
		case parley.Live:
			for id, p := range peers {
				if slices.Contains(event.Lost, id) {
					p.renew()
				}
			}
		case parley.Signal:
			var s message
			if err := json.Unmarshal(event.Data, &s); err == nil && peers[event.ID] != nil {
				peers[event.ID].take(s)
			}
		default:
		}
	}
}

package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
)

// A gateway in a server that has pages of its own. NATS need not be there for clients to connect.
func ExampleGateway_Handler() {
	g, err := gateway.New(gateway.Config{Servers: "nats://127.0.0.1:1", Drain: time.Second}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/rtc/", http.StripPrefix("/rtc", g.Handler()))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a page") })
	server := httptest.NewServer(mux)
	defer server.Close()

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()

	var client *websocket.Conn
	for client == nil { // until Run runs, the handler answers 503
		select {
		case <-time.After(10 * time.Millisecond):
		case err := <-ended:
			fmt.Println("Run ended:", err)
			return
		}
		client, _, _ = websocket.Dial(ctx, server.URL+"/rtc/ws", nil)
	}
	_, hello, err := client.Read(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := proto.DecodeEvent(hello)
	fmt.Println(event.Name, err)

	stop() // the gateway drains: it closes its sockets, and Run returns
	_, _, err = client.Read(context.Background())
	fmt.Println(websocket.CloseStatus(err))
	fmt.Println(<-ended)
	// Output:
	// connected <nil>
	// StatusGoingAway
	// <nil>
}

// What a gateway says before anything is there.
func ExampleGateway_Ready() {
	g, err := gateway.New(gateway.Config{}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g.Ready())
	// Output: not ready: NATS is not reached
}

// A setting that cannot be is refused at once.
func ExampleNew() {
	_, err := gateway.New(gateway.Config{AllowOrigins: []string{"https://app.example/login"}}, nil, nil)
	fmt.Println(err)
	// Output: bad setting: allowed origin "https://app.example/login" matches no origin: an origin ends with its host and port: write https://app.example
}

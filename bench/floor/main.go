// Command floor is the bare relay that Parley is measured against: the
// protocol of Parley's plain transport, in memory, as a good engineer writes it
// first. net/http and coder/websocket; for each socket a goroutine that reads
// and one that takes all frames that wait and writes them at once;
// encoding/json; maps under one lock; an event is encoded once for all. It
// checks no limits, has no journal and no second process, and is not meant to
// be run for anything else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on; the chosen one is printed")
	flag.Parse()
	if err := serve(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// serve answers sockets on /ws until the process is told to stop.
func serve(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())

	mux := http.NewServeMux()
	mux.Handle("GET /ws", newHub())
	server := &http.Server{Handler: mux}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Httpcheck asks a URL and exits 0 when the answer's status is 2xx, else 1: the
// health check of images that hold no shell and whose program has none of its own.
//
//	httpcheck http://127.0.0.1:8222/healthz
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// timeout is below every orchestrator's usual limit, so that the reason is printed.
const timeout = 2 * time.Second

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "httpcheck: give one URL")
		os.Exit(2)
	}
	if err := check(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "httpcheck:", err)
		os.Exit(1)
	}
}

// check returns nil for an answer whose status is 2xx.
func check(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode/100 != 2 {
		err = errors.Join(err, fmt.Errorf("%s: %s", response.Status, body))
	}
	return errors.Join(err, response.Body.Close())
}

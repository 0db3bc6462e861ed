package tokens

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Bounds of where keys come from.
const (
	maxKeysBody = 1 << 20
	fetchWithin = 5 * time.Second
	refreshEach = 10 * time.Minute
	unknownEach = 30 * time.Second // between two fetches for a key id that is not known
	waitForKey  = 2 * time.Second  // that a connection waits for one
	keepKeysFor = 24 * time.Hour   // while the source is away
)

// client fetches keys: it follows nothing, and waits for nothing long. (A library's client that reads bodies without bound or goes
// where it is sent would let whoever answers there take this process's memory, or send it elsewhere.)
var client = &http.Client{
	Timeout:       fetchWithin,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: fetchWithin, ResponseHeaderTimeout: fetchWithin, MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout: time.Minute,
	},
}

// CheckSource returns why keys cannot come from a URL or file, or nil. A URL is https, or http on this machine.
func CheckSource(source string) error {
	if !isURL(source) {
		_, err := os.ReadFile(source)
		return err // it names the file
	}
	u, err := url.Parse(source)
	if err != nil {
		return fmt.Errorf("not a URL: %w", err)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	if u.Scheme != "https" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("keys are fetched over https only, or over http from this machine")
	}
	return nil
}

func isURL(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

// fetch returns what a source has now.
func fetch(ctx context.Context, source string) ([]byte, error) {
	if !isURL(source) {
		f, err := os.Open(source)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		return bounded(f)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the source of keys answers %d", res.StatusCode)
	}
	return bounded(res.Body)
}

func bounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxKeysBody+1))
	if err == nil && len(data) > maxKeysBody {
		err = fmt.Errorf("the source of keys has more than %d bytes", maxKeysBody)
	}
	return data, err
}

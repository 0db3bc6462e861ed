// Package client is Parley's client for browsers as a gateway serves it: all of clients/js in one file, at /parley.js.
//
// parley.js beside this file is made by `npm run bundle` in clients/js. A test there fails when it is older than what it is made of.
package client

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// Path is where the client is served.
const Path = "/parley.js"

//go:embed parley.js
var plain []byte

// Handler serves the client, gzipped to who takes that, to pages of any origin. It answers GET and HEAD, keeps no state, and may be
// used by many requests at once.
func Handler() http.Handler {
	sum := sha256.Sum256(plain)
	tag := base64.RawURLEncoding.EncodeToString(sum[:12])
	return &handler{
		plain:  file{plain, `"` + tag + `"`, ""},
		zipped: file{zip(plain), `"` + tag + `-gzip"`, "gzip"},
	}
}

type file struct {
	body     []byte
	etag     string
	encoding string // empty: none
}

type handler struct{ plain, zipped file }

func zip(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is one that there is
	_, _ = w.Write(b)                                       // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*") // what is public may be imported by everybody's pages
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "405: the client can only be read", http.StatusMethodNotAllowed)
		return
	}
	f := &h.plain
	if accepts(r.Header.Get("Accept-Encoding")) {
		f = &h.zipped
	}
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache") // the name carries no version, so a browser asks each time whether it is new
	header.Set("ETag", f.etag)
	if matches(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	if f.encoding != "" {
		header.Set("Content-Encoding", f.encoding)
	}
	header.Set("Content-Length", strconv.Itoa(len(f.body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(f.body) // whoever has gone meanwhile does not need it
	}
}

// accepts reports whether an Accept-Encoding takes gzip: named, and not with a weight of 0.
func accepts(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "gzip" && name != "*" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		if v, err := strconv.ParseFloat(q, 64); !found || err == nil && v > 0 {
			return true
		}
	}
	return false
}

// matches reports whether an If-None-Match names a tag.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == tag {
			return true
		}
	}
	return false
}

// Package demo is the page that shows what Parley does: a video call between
// two to six browsers, with a chat line, made with parley.js, which the gateway
// serves beside it.
//
// The page is plain HTML, CSS and ES modules, embedded in the binary. It
// expects the WebSocket transport at /ws of the host that served it and loads
// nothing from anywhere else. Its address takes a room after #/ and these
// settings after the ?:
//
//   - stun=stun:host:port, as often as needed: ICE servers. There are none by
//     default, which is enough for browsers on one machine or one network.
//   - media=generated: a moving picture instead of the camera.
package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// root is where the files lie in assets.
const root = "assets"

// file is one file of the page, ready to be served.
type file struct {
	contentType string
	etag        string
	body        []byte
}

// types are what the files of the page are served as.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// Handler serves the page at / and its files beside it. It answers GET and
// HEAD; everything that is not the page's is 404. It keeps no state and may be
// used by many requests at once.
func Handler() http.Handler {
	files := make(map[string]file)
	err := fs.WalkDir(assets, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		contentType, known := types[path.Ext(name)]
		if !known {
			return fmt.Errorf("%s: nobody has said what it is served as", name)
		}
		body, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		files[address(name)] = file{
			contentType: contentType,
			etag:        `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
			body:        body,
		}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("demo: %v", err)) // the files and the table are both ours
	}
	return handler(files)
}

// address is where a file is served: the page itself at /, all others under
// their names.
func address(name string) string {
	name = strings.TrimPrefix(name, root)
	if name == "/index.html" {
		return "/"
	}
	return name
}

type handler map[string]file

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy(r.Host))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(self), microphone=(self), geolocation=(), display-capture=(self), speaker-selection=(self)")

	f, found := h[r.URL.Path]
	if !found {
		http.Error(w, "404: no such page", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "405: this page can only be read", http.StatusMethodNotAllowed)
		return
	}
	header.Set("Content-Type", f.contentType)
	// The names carry no version, so a browser asks each time whether they are new.
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// policy is the Content-Security-Policy for a page served as host: its own
// files and its own WebSocket, no inline script or style, no frame around it,
// and no text that is turned into HTML.
func policy(host string) string {
	connect := "connect-src 'self'"
	// By the standard 'self' covers the WebSocket too; older Safari wants it named.
	if plainHost(host) {
		connect += " ws://" + host + " wss://" + host
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"media-src 'self'",
		connect,
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// plainHost tells whether a Host header can stand in a policy: a name or an
// IPv4 address, with or without a port. The header is the client's to write,
// and a semicolon in it would begin a directive; IPv6 literals have no place
// in the policy's grammar.
func plainHost(host string) bool {
	if host == "" || len(host) > 255 {
		return false
	}
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == ':':
		default:
			return false
		}
	}
	return true
}

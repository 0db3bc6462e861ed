package socketio

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// get answers a poll.
func (h *exchange) get() {
	h.req.Op = opPoll
	a := h.s.ask(h.r.Context(), &h.req)
	if !a.Refused {
		h.give(h.req.Secret)
	}
	h.write(a)
}

// post hands over what a client sends.
func (h *exchange) post() {
	binary := strings.HasPrefix(h.r.Header.Get("Content-Type"), "application/octet-stream")
	if binary && h.req.Revision == revision4 { // which has only text in a body
		h.drop("a binary body")
		h.refuse(codeBadRequest)
		return
	}
	control := http.NewResponseController(h.w)
	_ = control.SetReadDeadline(time.Now().Add(h.s.cfg.PingTimeout)) // net/http sets its own for the next request
	body, err := io.ReadAll(http.MaxBytesReader(h.w, h.r.Body, int64(h.s.cfg.maxBody())))
	if err != nil { // the deadline stands, for the rest of the body
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			h.drop("a body that is too large")
			h.w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		h.drop("a post's connection was lost")
		h.refuse(codeBadRequest)
		return
	}
	_ = control.SetReadDeadline(time.Time{})
	if binary {
		if body, err = textOf(body); err != nil {
			h.drop(err.Error())
			h.refuse(codeBadRequest)
			return
		}
	}
	h.req.Op, h.req.Body = opPost, body
	a := h.s.askAll(h.r.Context(), &h.req)
	switch {
	case a.Large:
		h.w.WriteHeader(http.StatusRequestEntityTooLarge)
	case a.Refused:
		h.turnDown(a)
	default:
		_ = h.body("text/html", []byte("ok")) // a client that is gone is noticed by its silence
	}
}

// drop ends the session on polling, wherever it lives, of a client that did what ends it.
func (h *exchange) drop(reason string) {
	h.req.Op, h.req.Reason, h.req.Body = opDrop, reason, nil
	h.s.ask(context.WithoutCancel(h.r.Context()), &h.req)
}

// write answers a poll with what it brought.
func (h *exchange) write(a answer) {
	if a.Refused {
		h.turnDown(a)
		return
	}
	if err := h.body("text/plain; charset=UTF-8", a.Body); err != nil && !a.Closed {
		h.drop(errPollLost.Error())
	}
}

// body answers with 200. A client that does not take it in within the ping timeout is given up.
func (h *exchange) body(kind string, body []byte) error {
	header := h.w.Header()
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	control := http.NewResponseController(h.w)
	_ = control.SetWriteDeadline(time.Now().Add(h.s.cfg.PingTimeout))
	if _, err := h.w.Write(body); err != nil {
		return err // it says no more than that the client is gone
	}
	if err := control.Flush(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err // as above
	}
	_ = control.SetWriteDeadline(time.Time{}) // the connection may bring further requests
	return nil
}

// turnDown answers with what a session's home has refused.
func (h *exchange) turnDown(a answer) {
	if a.Overlap {
		h.w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.refuse(a.Error)
}

// refuse answers with one of Engine.IO's errors.
func (h *exchange) refuse(e engineError) { h.refuseBecause(e, nil) }

// refuseBecause is refuse with a reason, if there is one, behind the error's own words.
func (h *exchange) refuseBecause(e engineError, reason func(*http.Request) string) {
	status, message := http.StatusBadRequest, e.message()
	if e == codeForbidden {
		status = http.StatusForbidden
	}
	if reason != nil {
		message += ": " + reason(h.r)
	}
	h.fail(status, e, message)
}

func (h *exchange) fail(status int, e engineError, message string) {
	header := h.w.Header()
	if h.upgrade {
		header.Set("Content-Type", "text/html")
		header.Set("Connection", "close")
		h.w.WriteHeader(status)
		_, _ = io.WriteString(h.w, message)
		return
	}
	body, err := json.Marshal(struct {
		Code    engineError `json:"code"`
		Message string      `json:"message"`
	}{e, message})
	if err != nil {
		panic("socketio: " + err.Error()) // a number and a string always encode
	}
	header.Set("Content-Type", "application/json")
	h.w.WriteHeader(status)
	_, _ = h.w.Write(body)
}

// cors answers a browser from an origin that was allowed, as Socket.IO does.
func (h *exchange) cors() {
	header := h.w.Header()
	origin := h.r.Header.Get("Origin")
	if origin == "" {
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Add("Vary", "Origin")
}

// preflight answers what a browser asks before it sends what it would not send unasked.
func (h *exchange) preflight() {
	header := h.w.Header()
	header.Set("Access-Control-Allow-Methods", "GET,POST")
	allowed := h.r.Header.Get("Access-Control-Request-Headers")
	if allowed == "" {
		allowed = "Content-Type"
	}
	header.Set("Access-Control-Allow-Headers", allowed)
	header.Add("Vary", "Access-Control-Request-Headers")
	h.w.WriteHeader(http.StatusNoContent)
}

// sameHost allows requests without Origin, and those whose origin is the host that they go to.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// peerAddress trusts no proxy.
func peerAddress(r *http.Request) (string, bool) {
	known := true
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
		known = known && r.Header.Get(name) == ""
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr, known
	}
	return host, known
}

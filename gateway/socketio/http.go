package socketio

import (
	"errors"
	"net/http"
	"strings"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
)

// path is where Socket.IO's clients look unless told otherwise.
const path = "/socket.io"

// ServeHTTP answers everything under /socket.io/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest := strings.TrimPrefix(r.URL.Path, path); rest != "" && rest != "/" {
		http.Error(w, "Parley does not serve Socket.IO's client. Get it from npm as socket.io-client, version 2, 3 or 4, "+
			"or as a bundle from https://socket.io/docs/v4/client-installation/", http.StatusNotFound)
		return
	}
	h := exchange{s: s, w: w, r: r}
	query := r.URL.Query()
	h.transport, h.jsonp = query.Get("transport"), query.Has("j")
	h.req.SID, h.req.Agent = query.Get("sid"), r.UserAgent()
	h.req.Address, h.req.Direct = s.cfg.Address(r)
	h.upgrade = strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	switch query.Get("EIO") {
	case "4":
		h.req.Revision = revision4
	case "3", "":
		h.req.Revision = revision3
		h.req.Secret, h.req.Token = secretOf(r, h.req.SID), query.Get("token")
	}
	err := defect.Guard("a request of Socket.IO", h.serve)
	if !defect.Log(s.log, err, "address", h.req.Address) {
		return
	}
	if c := s.lookup(h.req.SID); c != nil { // the one whom it concerns
		c.end(err)
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// exchange is one HTTP request and its answer.
type exchange struct {
	s         *Server
	w         http.ResponseWriter
	r         *http.Request
	req       request // but for its operation and body
	transport string
	upgrade   bool
	jsonp     bool
}

func (h *exchange) serve() {
	if !h.s.cfg.AllowOrigin(h.r) {
		h.refuseBecause(codeForbidden, h.s.cfg.Forbidden)
		return
	}
	h.cors()
	switch websocket := h.transport == "websocket"; {
	case h.r.Method == http.MethodOptions:
		h.preflight()
	case !websocket && h.transport != "polling", h.jsonp && !websocket:
		h.refuse(codeUnknownTransport)
	case h.req.Revision == 0:
		h.refuse(codeUnsupportedVersion)
	case !websocket && h.req.Revision == revision3 && !h.req.Direct:
		// Where it is not known whose an address is it proves nothing, and ids are known to others: WebSocket only.
		h.refuseBecause(codeUnknownTransport, h.s.cfg.Unknown)
	case h.req.SID == "" && h.r.Method != http.MethodGet:
		h.refuse(codeBadMethod)
	case websocket && (!h.upgrade || h.r.Method != http.MethodGet):
		h.refuse(codeBadRequest)
	case websocket && h.req.SID == "":
		h.openSocket()
	case websocket:
		h.probe()
	case h.req.SID == "":
		h.openPolling()
	case h.r.Method == http.MethodGet:
		h.get()
	case h.r.Method == http.MethodPost:
		h.post()
	default:
		h.refuse(codeBadRequest)
	}
}

// openPolling opens a session whose first poll this is.
func (h *exchange) openPolling() {
	c, err := h.open(modePolling)
	if err != nil {
		h.full(err)
		return
	}
	h.req.SID = c.sid
	h.give(c.opener.secret)
	h.write(c.poll(h.r.Context(), modePolling, 0))
}

// open makes a session; of revision 3 its client joins the namespace at once.
func (h *exchange) open(m mode) (*conn, error) {
	if err := h.s.cfg.Door.Enter(h.req.Address); err != nil {
		return nil, err
	}
	var by opener
	if h.req.Revision == revision3 {
		by = opener{agent: h.req.Agent, secret: newSecret()}
	}
	c := h.s.open(h.req.Revision, m, h.req.Address, by)
	if h.req.Revision == revision3 {
		if err := c.connect(clientIDOf(c.sid), h.req.Token); err != nil {
			c.end(err)
			return nil, err
		}
	}
	return c, nil
}

// full answers a client for which there is no room.
func (h *exchange) full(err error) {
	message := "internal"
	switch {
	case errors.Is(err, link.ErrDraining):
		message = link.ErrDraining.Error()
	case errors.Is(err, link.ErrFull):
		message = link.ErrFull.Error()
	}
	h.fail(http.StatusServiceUnavailable, codeForbidden, message)
}

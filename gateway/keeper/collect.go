package keeper

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// handed is what a gateway has handed over.
type handed struct {
	from  proto.GatewayID
	of    int64
	pages []proto.Peer // by number; without kind: it has not come
	all   bool         // the last has come
}

// answered notes that a gateway has handed over all that it has.
func (w *takeover) answered(from proto.GatewayID) {
	for i := range w.asked {
		if w.asked[i].gateway == from {
			w.asked[i].answered = true
			return
		}
	}
	w.asked = append(w.asked, asked{gateway: from, answered: true})
}

// collect takes a page, and reports whether that gateway's are complete.
func (w *takeover) collect(m *proto.Peer) bool {
	i := slices.IndexFunc(w.copies, func(h *handed) bool { return h.from == m.From })
	if i < 0 {
		i = len(w.copies)
		w.copies = append(w.copies, &handed{from: m.From, of: m.Of})
	}
	h := w.copies[i]
	if m.Of > h.of { // it has been there again
		h = &handed{from: m.From, of: m.Of}
		w.copies[i] = h
	}
	const mostPages = 4096
	if h.of != m.Of || m.Page < 0 || m.Page > mostPages {
		return false
	}
	for len(h.pages) <= m.Page {
		h.pages = append(h.pages, proto.Peer{})
	}
	if h.pages[m.Page].Kind == "" {
		h.pages[m.Page] = own(m)
	}
	h.all = h.all || !m.More
	return h.complete()
}

// own returns a page that shares no memory with what came in.
func own(m *proto.Peer) proto.Peer {
	page := *m
	page.Pairs = slices.Clone(m.Pairs)
	for i := range page.Pairs {
		p := &page.Pairs[i]
		p.Recent = slices.Clone(p.Recent)
		p.Signals = slices.Clone(p.Signals)
		for k, v := range p.Signals {
			p.Signals[k] = v.Clone()
		}
	}
	return page
}

// complete reports whether all pages have come.
func (h *handed) complete() bool {
	return h.all && !slices.ContainsFunc(h.pages, func(p proto.Peer) bool { return p.Kind == "" })
}

// best returns the complete copy of the latest turn; nil: there is none.
func (w *takeover) best() *handed {
	var best *handed
	for _, h := range w.copies {
		if h.complete() && (best == nil || h.of > best.of) {
			best = h
		}
	}
	return best
}

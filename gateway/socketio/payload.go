package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf8"

	"github.com/parley-rtc/parley/gateway/wsconn"
)

// errPayload is wrapped by what the payload decoders return.
var errPayload = errors.New("malformed payload")

// separator stands between the packets of a payload of revision 4. No packet holds it: JSON escapes it.
const separator = 0x1e

// decodePayload calls each with the packets of a polling body, in order, until it returns an error.
func decodePayload(revision int, body []byte, each func(packet []byte) error) error {
	for more := true; more; {
		var packet []byte
		var err error
		if packet, body, more, err = first(revision, body); err != nil {
			return err
		}
		if len(packet) == 0 {
			continue // revision 3 lets it pass
		}
		if err := each(packet); err != nil {
			return err
		}
	}
	return nil
}

// first returns the first packet of a polling body, what follows it, and whether more packets have to be there.
func first(revision int, body []byte) (packet, rest []byte, more bool, err error) {
	if revision == revision3 {
		packet, rest, err = first3(body)
		return packet, rest, len(rest) > 0, err
	}
	packet, rest, more = bytes.Cut(body, []byte{separator})
	if len(packet) == 0 {
		err = fmt.Errorf("%w: an empty packet", errPayload)
	}
	return packet, rest, more, err
}

// first3 reads a packet with its length, in UTF-16 code units, before it: 2:40.
func first3(body []byte) (packet, rest []byte, err error) {
	digits, rest, found := bytes.Cut(body, []byte{':'})
	if !found || len(digits) == 0 || len(digits) > longestLength {
		return nil, nil, fmt.Errorf("%w: no length", errPayload)
	}
	units, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %q is no length", errPayload, digits)
	}
	n, ok := bytesOfUnits(rest, int(units))
	if !ok {
		return nil, nil, fmt.Errorf("%w: the length %d does not fit", errPayload, units)
	}
	return rest[:n], rest[n:], nil
}

// longestLength is the digits of a packet's length in a payload of revision 3.
const longestLength = 9

// textOf turns a body of revision 3 in binary framing into one in text framing. Each packet of binary framing has a 0 (it
// is text) or a 1 (it is binary), the digits of its length in bytes, a 255, and the packet, whose type in binary is a
// number and not a digit. Of a binary packet no more is kept than its type, as in [packetOf].
func textOf(body []byte) ([]byte, error) {
	p := payload{revision: revision3, buf: make([]byte, 0, len(body))}
	for len(body) > 0 {
		head, rest, found := bytes.Cut(body, []byte{0xff})
		if !found || len(head) < 2 || len(head) > 1+longestLength || head[0] > 1 {
			return nil, fmt.Errorf("%w: no length", errPayload)
		}
		n := 0
		for _, digit := range head[1:] {
			if digit > 9 {
				return nil, fmt.Errorf("%w: %d is no digit", errPayload, digit)
			}
			n = 10*n + int(digit)
		}
		if n > len(rest) {
			return nil, fmt.Errorf("%w: the length %d does not fit", errPayload, n)
		}
		kind := wsconn.Text
		if head[0] == 1 {
			kind = wsconn.Binary
		}
		packet, err := packetOf(revision3, kind, rest[:n])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPayload, err)
		}
		p.add(packet)
		body = rest[n:]
	}
	return p.buf, nil
}

// parts cuts a body into several of up to limit bytes; one packet is never cut. What cannot be read goes with the last.
func parts(revision int, body []byte, limit int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start, rest, end := body, body, 0 // start[:end] is the part so far, rest what follows it
		for {
			_, after, more, err := first(revision, rest)
			if err != nil {
				yield(start)
				return
			}
			next := len(start) - len(after)
			if revision == revision4 && more {
				next-- // the separator
			}
			if end > 0 && next > limit {
				if !yield(start[:end]) {
					return
				}
				start, end = rest, 0
				continue
			}
			if !more {
				yield(start)
				return
			}
			rest, end = after, next
		}
	}
}

// bytesOfUnits returns how many bytes of UTF-8 make that many UTF-16 code units, and whether there are as many and they
// end between two characters.
func bytesOfUnits(b []byte, units int) (int, bool) {
	n := 0
	for units > 0 {
		if n == len(b) {
			return 0, false
		}
		if b[n] < utf8.RuneSelf {
			n++
			units--
			continue
		}
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			return 0, false
		}
		n += size
		units--
		if r > 0xffff {
			units--
		}
	}
	return n, units == 0
}

// unitsOf returns the length of UTF-8 text in UTF-16 code units.
func unitsOf(b []byte) int {
	units := 0
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			units++
			continue
		}
		r, size := utf8.DecodeRune(b)
		b = b[size:]
		units++
		if r > 0xffff {
			units++
		}
	}
	return units
}

// payload gathers packets on their way to a polling client.
type payload struct {
	revision int
	buf      []byte
}

// fits reports whether a packet may be added: it is the first, or takes the payload no further than limit bytes.
func (p *payload) fits(packet []byte, limit int) bool {
	const head = 11 // the longest length and its colon
	return len(p.buf) == 0 || len(p.buf)+len(packet)+head <= limit
}

// add appends a packet.
func (p *payload) add(packet []byte) {
	if p.revision == revision3 {
		p.buf = strconv.AppendInt(p.buf, int64(unitsOf(packet)), 10)
		p.buf = append(p.buf, ':')
	} else if len(p.buf) > 0 {
		p.buf = append(p.buf, separator)
	}
	p.buf = append(p.buf, packet...)
}

package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// errPayload is wrapped by what the payload decoders return.
var errPayload = errors.New("malformed payload")

// separator stands between the packets of a payload of revision 4. No packet holds it: JSON escapes it.
const separator = 0x1e

// decodePayload calls each with the packets of a polling body, in order, until it returns an error.
func decodePayload(revision int, body []byte, each func(packet []byte) error) error {
	if revision == revision3 {
		return decodePayload3(body, each)
	}
	return decodePayload4(body, each)
}

// decodePayload4 reads packets joined by separators.
func decodePayload4(body []byte, each func(packet []byte) error) error {
	for {
		packet, rest, more := bytes.Cut(body, []byte{separator})
		if len(packet) == 0 {
			return fmt.Errorf("%w: an empty packet", errPayload)
		}
		if err := each(packet); err != nil || !more {
			return err
		}
		body = rest
	}
}

// decodePayload3 reads packets with their lengths, in UTF-16 code units, before them: 2:40.
func decodePayload3(body []byte, each func(packet []byte) error) error {
	if len(body) == 0 {
		return fmt.Errorf("%w: it is empty", errPayload)
	}
	for len(body) > 0 {
		digits, rest, found := bytes.Cut(body, []byte{':'})
		const longest = 9
		if !found || len(digits) == 0 || len(digits) > longest {
			return fmt.Errorf("%w: no length", errPayload)
		}
		units, err := strconv.ParseUint(string(digits), 10, 32)
		if err != nil {
			return fmt.Errorf("%w: %q is no length", errPayload, digits)
		}
		n, ok := bytesOfUnits(rest, int(units))
		if !ok {
			return fmt.Errorf("%w: the length %d does not fit", errPayload, units)
		}
		if n > 0 {
			if err := each(rest[:n]); err != nil {
				return err
			}
		}
		body = rest[n:]
	}
	return nil
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

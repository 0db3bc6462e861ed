package proto

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Skim reads of a frame that is refused what its answer needs: event, room and ref. It is written to in pieces, keeps no
// more than these three, and takes what no decoder does: frames that are too large, nested too deep, or no JSON further
// on. The zero value is ready.
type Skim struct {
	at     place
	depth  int  // of the objects and arrays that are open
	text   bool // inside a string
	escape bool // right after a backslash
	keep   int  // the most bytes of the token under way that are kept; 0: none
	token  []byte
	member int // whose value is next, an index of values
	values [skimmed]jsontext.Value
	times  [skimmed]int // how often each stood
}

// place is where in a frame a Skim is. What is nested in a value is all one place.
type place uint8

const (
	beforeObject place = iota
	beforeName
	inName
	beforeColon
	beforeValue
	inValue
	afterValue
	over // the object has ended, or this is none
)

// The members that are kept, then those that are not.
const (
	skimEvent = iota
	skimRoom
	skimRef
	skimmed
)

// widest is how many bytes of JSON a byte of text may take: \u0000.
const widest = len(`\u0000`)

// Write implements io.Writer. It returns no error.
func (s *Skim) Write(p []byte) (int, error) {
	for _, c := range p {
		if s.at == over {
			break
		}
		s.step(c)
	}
	return len(p), nil
}

func (s *Skim) step(c byte) {
	if s.text {
		s.inText(c)
		return
	}
	switch c {
	case ' ', '\t', '\r', '\n':
		if s.at == inValue && s.depth == 1 {
			s.at = afterValue // of a number, say
		}
		return
	}
	switch s.at {
	case beforeObject:
		s.expect(c, '{', beforeName)
		s.depth = 1
	case beforeName:
		s.expect(c, '"', inName)
		s.begin(widest*len(`event`) + 2)
	case beforeColon:
		s.expect(c, ':', beforeValue)
	case beforeValue:
		s.at = inValue
		s.value(c)
	case inValue:
		s.inside(c)
	case afterValue:
		if c == ',' {
			s.at = beforeName
		} else {
			s.at = over
		}
	case inName, over:
	}
}

func (s *Skim) expect(c, want byte, then place) {
	s.at = over
	if c == want {
		s.at = then
	}
}

// begin starts a string of which so many bytes are kept.
func (s *Skim) begin(keep int) {
	s.text, s.keep = true, keep
	s.token = append(s.token[:0], '"')
}

// value reads the first byte of a member's value.
func (s *Skim) value(c byte) {
	if c != '"' {
		s.inside(c)
		return
	}
	keep := 0
	if s.member < skimmed {
		keep = widest*MaxRoomName + 2 // the longest of the three that means anything
	}
	s.begin(keep)
}

// inside reads a byte of a value that is outside of strings.
func (s *Skim) inside(c byte) {
	switch c {
	case '"':
		s.text, s.keep = true, 0
	case '{', '[':
		s.depth++
	case '}', ']':
		s.depth--
		switch s.depth {
		case 0:
			s.at = over
		case 1:
			s.at = afterValue
		}
	case ',':
		if s.depth == 1 {
			s.at = beforeName
		}
	}
}

func (s *Skim) inText(c byte) {
	if s.keep > 0 {
		if s.token = append(s.token, c); len(s.token) > s.keep {
			s.keep, s.token = 0, s.token[:0]
		}
	}
	switch {
	case s.escape:
		s.escape = false
	case c == '\\':
		s.escape = true
	case c == '"':
		s.text = false
		s.endText()
	}
}

// endText takes note of the string that has ended, if it is a member's name or its whole value.
func (s *Skim) endText() {
	switch {
	case s.at == inName:
		s.at, s.member = beforeColon, skimmed
		switch name, _ := unquote(s.token); name {
		case "event":
			s.member = skimEvent
		case "room":
			s.member = skimRoom
		case "ref":
			s.member = skimRef
		}
		if s.member < skimmed {
			s.times[s.member]++
		}
	case s.depth == 1:
		s.at = afterValue
		if s.keep > 0 {
			s.values[s.member] = bytes.Clone(s.token)
		}
	}
}

// Frame returns what could be read. A member that stands twice, or whose value is none that it may have, could not.
func (s *Skim) Frame() Frame {
	var texts [skimmed]string
	var ok [skimmed]bool
	for i, v := range s.values {
		if s.times[i] == 1 {
			texts[i], ok[i] = unquote(v)
		}
	}
	var f Frame
	if ok[skimEvent] {
		f.Name = Name(texts[skimEvent])
	}
	if room := Room(texts[skimRoom]); ok[skimRoom] && room.Check() == nil {
		f.Room = room
	}
	if ref := texts[skimRef]; ok[skimRef] && len(ref) <= MaxRef && utf8.ValidString(ref) {
		f.Ref, f.HasRef = ref, true
	}
	return f
}

// SkimFrame returns what the answer to a frame that is refused needs of it.
func SkimFrame(b []byte) Frame {
	var s Skim
	_, _ = s.Write(b) // it returns no error
	return s.Frame()
}

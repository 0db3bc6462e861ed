package proto

import "strconv"

// cursor reads JSON of a known layout. Once something is not as expected it is bad and stays so.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) literal(s string) {
	if !c.optional(s) {
		c.bad = true
	}
}

func (c *cursor) optional(s string) bool {
	if c.bad || len(c.b) < len(s) || string(c.b[:len(s)]) != s {
		return false
	}
	c.b = c.b[len(s):]
	return true
}

// plain reads a string of plain bytes, and the quote that ends it.
func (c *cursor) plain() []byte {
	i := 0
	for i < len(c.b) && plainByte[c.b[i]] {
		i++
	}
	if c.bad || i == len(c.b) || c.b[i] != '"' {
		c.bad = true
		return nil
	}
	s := c.b[:i]
	c.b = c.b[i+1:]
	return s
}

// text is plain, of which the string is part of all, so that a message's strings take one allocation. all ends where c does.
func (c *cursor) text(all string) string {
	from := len(all) - len(c.b)
	s := c.plain()
	if c.bad {
		return ""
	}
	return all[from : from+len(s)]
}

// visible is text of a string of ASCII without quotes, escapes and control characters.
func (c *cursor) visible(all string) string {
	from := len(all) - len(c.b)
	i := 0
	for i < len(c.b) && visibleByte[c.b[i]] {
		i++
	}
	if c.bad || i == len(c.b) || c.b[i] != '"' {
		c.bad = true
		return ""
	}
	c.b = c.b[i+1:]
	return all[from : from+i]
}

// isVisible reports whether s has only characters that stand in JSON as they are, of ASCII.
func isVisible(s string) bool {
	for i := range len(s) {
		if !visibleByte[s[i]] {
			return false
		}
	}
	return true
}

// visibleByte holds true for the bytes of ASCII that stand in JSON as they are.
var visibleByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= ' ' && c < 0x7f && c != '"' && c != '\\'
	}
	return t
}()

// within reads a number that is most at most.
func (c *cursor) within(most int64) int64 {
	n := c.number()
	if n > uint64(most) { // most is positive
		c.bad = true
		return 0
	}
	return int64(n) // it fits
}

func (c *cursor) number() uint64 {
	i := 0
	for i < len(c.b) && c.b[i] >= '0' && c.b[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(string(c.b[:i]), 10, 64)
	if c.bad || err != nil || i > 1 && c.b[0] == '0' {
		c.bad = true
		return 0
	}
	c.b = c.b[i:]
	return n
}

package proto

import (
	"bytes"
	"fmt"
)

// checkDepth refuses JSON that nests deeper than [MaxDepth] before a recursive decoder sees it.
func checkDepth(b []byte) error {
	if TooDeep(b) {
		return fmt.Errorf("%w: the JSON is nested deeper than %d", ErrFrame, MaxDepth)
	}
	return nil
}

// TooDeep reports whether JSON nests deeper than [MaxDepth]. Most of it has fewer brackets than that, and is not read.
func TooDeep(b []byte) bool {
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) <= MaxDepth {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString:
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

package proto

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Grants are what a client may do in a room, by its token.
type Grants uint8

// The grants.
const (
	MayCreate   Grants = 1 << iota // create the room
	MayJoin                        // join it, and knock at it
	MayModerate                    // what its owner may, but for handing it over

)

// grantNames are the grants as JSON has them, the least first.
var grantNames = [...]string{"create", "join", "moderate"}

// ErrGrants is wrapped by what reading grants returns.
var ErrGrants = errors.New("bad grants")

// ParseGrant reads one grant by its name. The error wraps [ErrGrants].
func ParseGrant(name string) (Grants, error) {
	for i, known := range grantNames {
		if name == known {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf(`%w: there is no %q; there are "create", "join" and "moderate"`, ErrGrants, Clip(name))
}

// Has reports whether all of what is asked for is granted.
func (g Grants) Has(asked Grants) bool { return g&asked == asked }

// UnmarshalJSONFrom reads a list of names. Those that this version does not know grant nothing.
func (g *Grants) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var names []string
	if err := json.UnmarshalDecode(d, &names); err != nil {
		return err
	}
	*g = 0
	for _, name := range names {
		if one, err := ParseGrant(name); err == nil {
			*g |= one
		}
	}
	return nil
}

// append appends the grants as a list of names.
func (g Grants) append(b []byte) []byte {
	b = append(b, '[')
	first := true
	for i, name := range grantNames {
		if g&(1<<i) == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		b, first = appendString(b, name), false
	}
	return append(b, ']')
}

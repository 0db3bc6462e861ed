package proto

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// loneSurrogates lets a decoder take half a pair, "\ud83d", for which there is no UTF-8. It would take bytes that are no
// UTF-8 as well, so those have to be ruled out beforehand.
var loneSurrogates = jsontext.AllowInvalidUTF8(true)

// decodeWithData reads a payload into v, and returns its member data where only lone surrogates in that keep it from
// being read: then v holds null in its place. Anywhere else they are an error, since they would become another text.
func decodeWithData(b []byte, v any) (jsontext.Value, error) {
	err := json.Unmarshal(b, v)
	if err == nil || !utf8.Valid(b) {
		return nil, err // the caller says what it was decoding
	}
	start, end, ok := findData(b)
	if !ok {
		return nil, err // as above
	}
	blank := slices.Concat(b[:start], []byte("null"), b[end:])
	if err := json.Unmarshal(blank, v); err != nil {
		return nil, err // as above
	}
	return bytes.Clone(b[start:end]), nil
}

// findData returns where the value of a payload's member data stands, when it is JSON but for lone surrogates.
func findData(b []byte) (start, end int, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(b), loneSurrogates)
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return 0, 0, false
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return 0, 0, false
		}
		mine := name.String() == "data"
		value, err := dec.ReadValue()
		if err != nil {
			return 0, 0, false
		}
		if mine {
			end = int(dec.InputOffset())
			return end - len(value), end, true
		}
	}
	return 0, 0, false
}

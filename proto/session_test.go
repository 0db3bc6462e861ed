package proto

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheKeysAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	for _, g := range golden.Keys {
		if id, err := ParseKey(KeyProtocol + g.Key); err != nil || id != g.ClientID || id.Check() != nil {
			t.Errorf("%s: %s is client %q, %v, golden %q", g.What, g.Key, id, err, g.ClientID)
		}
		key, _ := base64.RawURLEncoding.DecodeString(g.Key)
		if got := KeySubprotocol([KeySize]byte(key)); got != KeyProtocol+g.Key {
			t.Errorf("%s: shown as %s", g.What, got)
		}
	}
}

func TestAKeyOfAnotherLengthOrEncodingIsRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, g := range golden.BadKeys {
		id, err := ParseKey(KeyProtocol + g.Key)
		if !errors.Is(err, ErrKey) || id != "" {
			t.Errorf("%s: %q is client %q, %v", g.What, g.Key, id, err)
		} else if len(g.Key) > 2 && strings.Contains(err.Error(), g.Key) {
			t.Errorf("%s: the error shows the key: %v", g.What, err)
		}
	}
	good := golden.Keys[0].Key
	for _, subprotocol := range []string{"", good, Subprotocol, "parley.key", "Parley.key." + good, "parley.key=" + good, " " + KeyProtocol + good} {
		if id, err := ParseKey(subprotocol); !errors.Is(err, ErrKey) {
			t.Errorf("%q is client %q, %v", subprotocol, id, err)
		}
	}
}

func TestEveryKeyHasItsClient(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := [KeySize]byte(rapid.SliceOfN(rapid.Byte(), KeySize, KeySize).Draw(t, "key"))
		id, err := ParseKey(KeySubprotocol(key))
		if err != nil || id != KeyID(key) || id.Check() != nil {
			t.Fatalf("%s is client %q, %v, expected %q", KeySubprotocol(key), id, err, KeyID(key))
		}
		other := key
		other[rapid.IntRange(0, KeySize-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if KeyID(other) == id {
			t.Fatalf("%v and %v are the same client", key, other)
		}
	})
}

// What a client's signals are numbered by grows over its whole session, and JavaScript can count to it.
func TestNumbersGrowOverTurns(t *testing.T) {
	t.Parallel()
	turns := rapid.Int64Range(0, MaxTurn-1)
	rapid.Check(t, func(t *rapid.T) {
		turn, count := turns.Draw(t, "turn"), rapid.Int64Range(1, MaxCount-1).Draw(t, "count")
		n := Number(turn, count)
		if n <= 0 || n+1 != Number(turn, count+1) || Number(turn, MaxCount) >= Number(turn+1, 1) {
			t.Fatalf("signal %d of turn %d has number %d", count, turn, n)
		}
	})
	if last := Number(MaxTurn, MaxCount); last >= MaxNumber {
		t.Errorf("the last is %d, and the greatest possible %d", last, int64(MaxNumber))
	}
}

func TestPoliciesAreThreeAndNone(t *testing.T) {
	t.Parallel()
	for _, p := range []Policy{"", PolicyClose, PolicyTransfer, PolicyStay} {
		if err := p.Check(); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []Policy{"Close", "keep", " ", "stay "} {
		if err := p.Check(); !errors.Is(err, ErrPolicy) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, g := range golden.Keys {
		f.Add(KeyProtocol + g.Key)
	}
	for _, g := range golden.BadKeys {
		f.Add(KeyProtocol + g.Key)
	}
	f.Fuzz(func(t *testing.T, subprotocol string) {
		id, err := ParseKey(subprotocol)
		if err != nil {
			if !errors.Is(err, ErrKey) || id != "" {
				t.Fatalf("%q, the error %v", id, err)
			}
			return
		}
		key, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(subprotocol, KeyProtocol))
		if err != nil || len(key) != KeySize || KeySubprotocol([KeySize]byte(key)) != subprotocol || KeyID([KeySize]byte(key)) != id {
			t.Fatalf("%q is taken, and its key would be shown in another way", subprotocol)
		}
	})
}

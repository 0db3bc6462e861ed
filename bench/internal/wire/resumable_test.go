package wire

import (
	"slices"
	"testing"
)

func TestAResumableSessionShowsItsKeyAndItsTurn(t *testing.T) {
	t.Parallel()
	one := Resumable{Key: NewKey(), Turn: 7}
	if got := one.Subprotocols(); !slices.Equal(got, []string{"parley.v1", "parley.key." + one.Key}) || len(one.Key) != 43 {
		t.Errorf("offers %v", got)
	}
	if got := one.Path(); got != "/ws?turn=7" {
		t.Errorf("asks for %s", got)
	}
	var each Resumable
	if a, b := each.Subprotocols()[1], each.Subprotocols()[1]; a == b || each.Path() != "/ws?turn=1" {
		t.Errorf("two connections show %s and %s, and ask for %s", a, b, each.Path())
	}
	if k := one.Kind([]byte(`{"event":"live","room":"r","lost":{}}`)); k != Live {
		t.Errorf("kind %d", k)
	}
}

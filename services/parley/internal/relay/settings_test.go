package relay

import "testing"

func TestAServerTakesNoMoreSocketsThanThereArePlacesFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen              string
		total, places, want int
	}{
		{"", 1000, 5000, 0}, // there is no server
		{":3478", 1000, 5000, 2512},
		{":3478", 1000, 192, 192},
		{":3478", 1000, 0, 2512}, // no limit on files
		{":3478", 0, 5000, 5000},
		{":3478", 0, 0, 0},
		{":3478", 0, -64, 0},
	} {
		s := Settings{Listen: c.listen, Total: c.total}
		if got := s.Sockets(c.places); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

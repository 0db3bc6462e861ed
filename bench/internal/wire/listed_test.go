package wire

import "testing"

func TestListedCountsTheClientsOfARoomJoined(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"event":"room-joined","room":"r","ownerId":"a","clients":["a","b-1"],"seq":7,"ref":"x"}`: 2,
		`42["room-joined",{"room":"r","ownerId":"a","clients":["a"],"seq":7}]`:                     1,
		`{"event":"room-joined","room":"r","ownerId":"a","clients":[],"seq":7}`:                    0,
		`{"event":"room-created","room":"r","seq":7}`:                                              0,
	} {
		if n := Listed([]byte(text)); n != want {
			t.Errorf("Listed(%s) = %d, want %d", text, n, want)
		}
	}
}

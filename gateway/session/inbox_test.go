package session

import (
	"sync"
	"testing"
	"testing/synctest"
)

func TestAFullInboxMakesTheReaderWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ size, fits int }{
		"by count": {1, maxInbox}, "by bytes": {maxInboxBytes / 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var b inbox
				if queued, start := b.receive(request{size: c.size}); !queued || !start {
					t.Error("the first request starts no pump")
				}
				for range c.fits - 1 {
					if queued, start := b.receive(request{size: c.size}); !queued || start {
						t.Error("a pump was started twice")
					}
				}
				var reader sync.WaitGroup
				received := false
				reader.Go(func() { received, _ = b.receive(request{size: c.size}) })
				synctest.Wait()
				if b.length() != c.fits {
					t.Errorf("a full inbox holds %d", b.length())
				}
				b.pop()
				reader.Wait()
				if !received {
					t.Error("the request was refused")
				}
			})
		})
	}
}

func TestAnEndedInboxLetsItsReaderGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b inbox
		b.receive(request{size: maxInboxBytes})
		var reader sync.WaitGroup
		received := true
		reader.Go(func() { received, _ = b.receive(request{size: 1}) })
		synctest.Wait()
		b.end()
		reader.Wait()
		if received {
			t.Error("the request was taken")
		}
		if queued, _ := b.receive(request{}); queued {
			t.Error("an inbox that has ended took a request")
		}
		if b.push(request{}) || b.length() != 2 {
			t.Error("what the gateway makes is carried out still")
		}
	})
}

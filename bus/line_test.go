package bus

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns a line and its other side, which reads when it is told to.
func pair() (*line, net.Conn) {
	here, there := net.Pipe()
	return newLine(here, 1), there
}

// say has the other side send something, and the line read it.
func say(t *testing.T, l *line, there net.Conn) {
	t.Helper()
	go func() { _, _ = there.Write([]byte("PONG\r\n")) }()
	if _, err := l.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
}

func TestALineEndsWhenNothingOfAWriteIsTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silent      time.Duration // before the write
		least, most time.Duration // from the write on
	}{
		"just heard":                  {0, writeStuck, writeStuck},
		"heard a ping ago":            {pingEvery, writeStuck, writeStuck},
		"silent for long":             {4 * time.Second, Found - 4*time.Second, Found - 4*time.Second},
		"silent for nearly too long":  {Found - time.Millisecond, 0, time.Millisecond},
		"silent for longer: it slept": {time.Minute, writeAwake, writeAwake},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, there := pair()
				defer there.Close()
				say(t, l, there)
				<-time.After(c.silent)
				begun := time.Now()
				n, err := l.Write([]byte("PUB"))
				if took := time.Since(begun); n != 0 || !errors.Is(err, ErrStuck) || took < c.least || took > c.most {
					t.Errorf("%d, %v after %v", n, err, took)
				}
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, ErrStuck) {
					t.Errorf("who reads hears %v", err)
				}
				if _, err := l.Write([]byte("PUB")); !errors.Is(err, ErrStuck) {
					t.Errorf("who writes then hears %v", err)
				}
			})
		})
	}
}

// Packets vanish, and a while later a write blocks.
func TestABrokenConnectionIsFoundInTimeWheneverAWriteBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for after := time.Duration(0); after < Found; after += 37 * time.Millisecond {
			l, there := pair()
			say(t, l, there)
			broken := time.Now()
			<-time.After(after)
			_, err := l.Write([]byte("PUB"))
			if took := time.Since(broken); !errors.Is(err, ErrStuck) || took > Found {
				t.Errorf("blocked after %v, found after %v: %v", after, took, err)
			}
			there.Close()
		}
	})
}

func TestALineWaitsForAPeerThatTakesAWriteBitByBit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bytes int // one is taken each second
		stuck bool
	}{"slow": {5, false}, "too slow": {8, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, there := pair()
				defer there.Close()
				say(t, l, there)
				var reader sync.WaitGroup
				reader.Go(func() {
					for {
						<-time.After(time.Second)
						if _, err := there.Read(make([]byte, 1)); err != nil {
							return
						}
					}
				})
				begun := time.Now()
				n, err := l.Write(make([]byte, c.bytes))
				took := time.Since(begun)
				switch {
				case !c.stuck && (n != c.bytes || err != nil):
					t.Errorf("%d bytes taken after %v: %v", n, took, err)
				case c.stuck && (!errors.Is(err, ErrStuck) || took != writeMost):
					t.Errorf("%v after %v", err, took)
				}
				l.Close()
				reader.Wait()
			})
		})
	}
}

// The socket's buffer takes the beginning of a write, however dead the other side is.
func TestWhatIsTakenAtOnceIsNoSignOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, there := pair()
		defer there.Close()
		say(t, l, there)
		<-time.After(Found / 2)
		go func() { _, _ = there.Read(make([]byte, 10)) }()
		begun := time.Now()
		n, err := l.Write(make([]byte, 100))
		if took := time.Since(begun); n != 10 || !errors.Is(err, ErrStuck) || took != Found-Found/2 {
			t.Errorf("%d, %v after %v", n, err, took)
		}
	})
}

func TestALineKeepsItsOwnersDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, there := pair()
		defer there.Close()
		_ = l.SetDeadline(time.Now().Add(time.Second / 3))
		begun := time.Now()
		if _, err := l.Write([]byte("CONNECT")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Second/3 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading: %v", err)
		}
		_ = l.SetDeadline(time.Time{})
		go func() { _, _ = there.Read(make([]byte, 16)) }()
		if _, err := l.Write([]byte("CONNECT")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if l.ended.Load() {
			t.Error("it has ended")
		}
		l.Close()
	})
}

func TestWritesSeldomSetADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		counted := &counter{Conn: here}
		l := newLine(counted, 1)
		go func() {
			for b := make([]byte, 16); ; {
				if _, err := there.Read(b); err != nil {
					return
				}
			}
		}()
		for range 1000 { // one a millisecond
			if _, err := l.Write([]byte("PUB")); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Millisecond)
		}
		if counted.set > 5 {
			t.Errorf("a thousand writes in a second set %d deadlines", counted.set)
		}
		l.Close()
		there.Close()
	})
}

type counter struct {
	net.Conn

	set int
}

func (c *counter) SetWriteDeadline(t time.Time) error {
	c.set++
	return c.Conn.SetWriteDeadline(t)
}

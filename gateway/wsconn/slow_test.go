package wsconn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A client is slow when it takes nothing for a while, not when it is given much.
func TestOneWhoReadsAllTheTimeMayTakeAsLongAsItNeeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		c := &Conn{tap: tap{Conn: here}}
		go func() {
			defer there.Close() // it is over
			buf := make([]byte, 10)
			for range 100 {
				<-time.After(stalled - time.Second)
				if _, err := io.ReadFull(there, buf); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		began := time.Now()
		if err := c.write(make([]byte, 1000)); err != nil {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if took := time.Since(began); took < 90*(stalled-time.Second) {
			t.Errorf("it took %v only", took)
		}
		if c.Taken() != 1000 {
			t.Errorf("%d bytes were taken", c.Taken())
		}
	})
}

func TestOneWhoTakesNothingIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, reads := range map[string]int{"from the start": 0, "after a while": 700} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				defer there.Close() // it is over
				c := &Conn{tap: tap{Conn: here}}
				go func() { _, _ = io.ReadFull(there, make([]byte, reads)) }()
				began := time.Now()
				err := c.write(make([]byte, 1000))
				if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < stalled || took > 2*stalled {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

// Who closes a connection does not wait for a peer that reads a byte now and then.
func TestACloseEndsAWriteThatGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close() // it is over
		c := &Conn{tap: tap{Conn: here}}
		var reader sync.WaitGroup
		defer reader.Wait() // the bubble's clock stands still once the test has returned
		defer here.Close()  // it is over
		reader.Go(func() {
			for {
				<-time.After(time.Second)
				if _, err := there.Read(make([]byte, 1)); err != nil {
					return
				}
			}
		})
		began := time.Now()
		time.AfterFunc(5*time.Second, func() {
			c.tap.closing.Store(true)
			_ = c.tap.SetWriteDeadline(time.Now().Add(3 * time.Second))
		})
		if err := c.write(make([]byte, 1000)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

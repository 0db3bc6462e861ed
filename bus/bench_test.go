package bus

import (
	"net"
	"testing"
	"time"
)

// BenchmarkWrite writes through a line, and as nats.go bounds a write itself, over TCP and over a pipe.
func BenchmarkWrite(b *testing.B) {
	ways := map[string]func(b *testing.B) (here, there net.Conn){
		"pipe": func(*testing.B) (net.Conn, net.Conn) { return net.Pipe() },
		"TCP": func(b *testing.B) (net.Conn, net.Conn) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer ln.Close()
			here, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			there, err := ln.Accept()
			if err != nil {
				b.Fatal(err)
			}
			return here, there
		},
	}
	message := make([]byte, 200)
	for name, way := range ways {
		here, there := way(b)
		go func() {
			for buf := make([]byte, 64<<10); ; {
				if _, err := there.Read(buf); err != nil {
					return
				}
			}
		}()
		b.Run(name+"/line", func(b *testing.B) {
			l := newLine(here, 1)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Write(message); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/nats.go", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = here.SetWriteDeadline(time.Now().Add(time.Minute))
				if _, err := here.Write(message); err != nil {
					b.Fatal(err)
				}
				_ = here.SetWriteDeadline(time.Time{})
			}
		})
		here.Close()
		there.Close()
	}
}

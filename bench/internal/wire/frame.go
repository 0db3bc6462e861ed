package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gobwas/ws"
)

// maxFrame bounds what a server may send in one frame.
const maxFrame = 4 << 20

var (
	errFrame = errors.New("bad frame from the server")
	// ErrClosed says that the server sent a closing frame.
	ErrClosed = errors.New("closed by the server")
)

// textFrame is a whole masked text frame, ready to be written any number of
// times (a mask that is used twice costs a server no more and no less).
func textFrame(text string) []byte {
	return ws.MustCompileFrame(ws.MaskFrameInPlace(ws.NewTextFrame([]byte(text))))
}

// cut takes the first frame off b. It returns how long it was, 0 when it has
// not come whole; need is then how long it will be, as far as is known.
func cut(b []byte) (op ws.OpCode, payload []byte, length, need int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, 2, nil
	}
	head, size := 2, uint64(b[1])
	switch size {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	if b[0]&0xf0 != 0x80 || size > 127 {
		return 0, nil, 0, 0, fmt.Errorf("header % x: %w", b[:2], errFrame) // fragmented, compressed or masked
	}
	if len(b) < head {
		return 0, nil, 0, head, nil
	}
	switch head {
	case 4:
		size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 10:
		size = binary.BigEndian.Uint64(b[2:])
	}
	if size > maxFrame {
		return 0, nil, 0, 0, fmt.Errorf("%d bytes: %w", size, errFrame)
	}
	end := head + int(size)
	if len(b) < end {
		return 0, nil, 0, end, nil
	}
	return ws.OpCode(b[0] & 0x0f), b[head:end], end, end, nil
}

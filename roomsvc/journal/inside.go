package journal

import (
	"context"

	"github.com/parley-rtc/parley/roomsvc/internal/feed"
)

// init shows the tests in roomsvc/tests how the stream is followed.
func init() {
	feed.ErrBroken = errBroken
	feed.New = func(ctx context.Context, j, handler any) (feed.Follower, error) {
		f := &follower{j: j.(*Journal)}
		f.h, _ = handler.(Handler)
		var err error
		f.stream, err = f.j.ensure(ctx)
		return feed.Follower{
			Last: &f.last,
			Find: func(ctx context.Context) (uint64, error) {
				found, err := f.find(ctx)
				return found.last, err
			},
			Consume: f.consume,
			Read:    f.read,
		}, err
	}
}

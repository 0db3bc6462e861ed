package gateway

import "sync"

// maxIdle is how many goroutines wait for the next task.
const maxIdle = 128

// crew runs tasks on goroutines that Run waits for. A goroutine that is done takes another task, with the stack that it
// has grown: pumps and writers are many and short.
type crew struct {
	running sync.WaitGroup

	mu   sync.Mutex    // guards the fields below
	idle []chan func() // one of each goroutine that waits, the last to come first to go
	over bool
}

// run has a task run. It does not block.
func (c *crew) run(task func()) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		next := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		next <- task // there is room for one
		return
	}
	c.mu.Unlock()
	c.running.Go(func() { c.work(task) })
}

func (c *crew) work(task func()) {
	next := make(chan func(), 1)
	for task != nil {
		task()
		c.mu.Lock()
		if c.over || len(c.idle) >= maxIdle {
			c.mu.Unlock()
			return
		}
		c.idle = append(c.idle, next)
		c.mu.Unlock()
		task = <-next // nil when the crew is over
	}
}

// wait lets nobody wait for tasks any more, and returns when all tasks are done. Only tasks may still start tasks.
func (c *crew) wait() {
	c.mu.Lock()
	c.over = true
	for _, next := range c.idle {
		close(next)
	}
	c.idle = nil
	c.mu.Unlock()
	c.running.Wait()
}

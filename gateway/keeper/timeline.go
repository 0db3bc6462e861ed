package keeper

// timeline is a list of what is due, the first due first. All in one wait equally long, so what is added goes to the end.
type timeline[T any] struct {
	wait        int64 // nanoseconds
	first, last *alarm[T]
}

// alarm is a place in a timeline for the one that has it. It is in one at most.
type alarm[T any] struct {
	of         *T
	at         int64
	prev, next *alarm[T]
	in         *timeline[T]
}

// add has an alarm ring in this timeline, wherever it was before.
func (l *timeline[T]) add(a *alarm[T], of *T, now int64) {
	a.stop()
	a.of, a.at, a.in, a.prev = of, now+l.wait, l, l.last
	if l.last != nil {
		l.last.next = a
	} else {
		l.first = a
	}
	l.last = a
}

// stop takes an alarm out of its timeline, if it is in one.
func (a *alarm[T]) stop() {
	l := a.in
	if l == nil {
		return
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		l.first = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	} else {
		l.last = a.prev
	}
	*a = alarm[T]{}
}

// due returns the first that is due, and takes its alarm out; nil: none is.
func (l *timeline[T]) due(now int64) *T {
	if l.first == nil || l.first.at > now {
		return nil
	}
	of := l.first.of
	l.first.stop()
	return of
}

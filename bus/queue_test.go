package bus

import (
	"sync"
	"testing"
)

func TestAQueueHandsOverEverythingInOrderAndWakesItsOwner(t *testing.T) {
	t.Parallel()
	const putters, each = 8, 2000
	q := NewQueue[[2]int]()
	var wg sync.WaitGroup
	for p := range putters {
		wg.Go(func() {
			for i := range each {
				q.Put([2]int{p, i})
			}
		})
	}
	var next [putters]int
	var batch [][2]int
	for taken := 0; taken < putters*each; {
		<-q.Bell() // a ring that is missing lets the test hang
		batch = q.Take(batch)
		for _, item := range batch {
			if item[1] != next[item[0]] {
				t.Fatalf("%v came, expected %d", item, next[item[0]])
			}
			next[item[0]]++
		}
		taken += len(batch)
	}
	wg.Wait()
	if rest := q.Take(nil); len(rest) != 0 {
		t.Errorf("%d items more than were put", len(rest))
	}
}

func TestEachItemThatComesIntoAnEmptyQueueRings(t *testing.T) {
	t.Parallel()
	q := NewQueue[int]()
	for i := range 3 {
		q.Put(i)
		select {
		case <-q.Bell():
		default:
			t.Fatalf("item %d did not ring", i)
		}
		if items := q.Take(nil); len(items) != 1 || items[0] != i {
			t.Fatalf("took %v, expected %d", items, i)
		}
	}
}

func TestRingingTwiceBeforeAnybodyWakesIsRingingOnce(t *testing.T) {
	t.Parallel()
	b := NewBell()
	b.Ring()
	b.Ring()
	<-b
	select {
	case <-b:
		t.Error("it rang twice")
	default:
	}
}

func BenchmarkQueue(b *testing.B) {
	q := NewQueue[int]()
	var batch []int
	b.ReportAllocs()
	for b.Loop() {
		for i := range 4 {
			q.Put(i)
		}
		<-q.Bell()
		batch = q.Take(batch)
	}
}

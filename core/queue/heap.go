package queue

import "container/heap"

// ordered is a heap whose members know their place in it, so that any of them can be
// taken out, or moved when what it is ordered by has changed, in O(log n).
type ordered[T any] struct {
	less  func(a, b T) bool
	place func(T) *int // -1 while it is not in the heap
	list  []T
}

func (o *ordered[T]) first() T    { return o.list[0] }
func (o *ordered[T]) empty() bool { return len(o.list) == 0 }

// put adds a member, or moves it to where it belongs by now.
func (o *ordered[T]) put(member T) {
	if at := *o.place(member); at >= 0 {
		heap.Fix(o, at)
		return
	}
	heap.Push(o, member)
}

// remove takes a member out; it need not be there.
func (o *ordered[T]) remove(member T) {
	if at := *o.place(member); at >= 0 {
		heap.Remove(o, at)
	}
}

// Len implements heap.Interface.
func (o *ordered[T]) Len() int { return len(o.list) }

// Less implements heap.Interface.
func (o *ordered[T]) Less(i, j int) bool { return o.less(o.list[i], o.list[j]) }

// Swap implements heap.Interface.
func (o *ordered[T]) Swap(i, j int) {
	o.list[i], o.list[j] = o.list[j], o.list[i]
	*o.place(o.list[i]), *o.place(o.list[j]) = i, j
}

// Push implements heap.Interface.
func (o *ordered[T]) Push(member any) {
	*o.place(member.(T)) = len(o.list)
	o.list = append(o.list, member.(T))
}

// Pop implements heap.Interface.
func (o *ordered[T]) Pop() any {
	last := len(o.list) - 1
	member := o.list[last]
	var none T
	o.list[last] = none // or it would be kept alive
	o.list = o.list[:last]
	*o.place(member) = -1
	return member
}

package queue

import "slices"

// Yield gives the slot of a job that has started to others, while it only waits for
// something. It takes back a Reclaim that has not been granted.
func (q *Queue) Yield(id string) {
	j := q.jobs[id]
	if j == nil || !j.started {
		return
	}
	q.forgetReclaim(j)
	if j.slot {
		j.slot = false
		q.used--
	}
}

// Reclaim asks for the slot back; NextSlot says when it is there. O(1).
func (q *Queue) Reclaim(id string) {
	j := q.jobs[id]
	switch {
	case j == nil || !j.started || j.asked:
		return
	case j.slot:
		q.returned = append(q.returned, j)
	default:
		q.reclaims = append(q.reclaims, j)
	}
	j.asked = true
}

// Expedite gives a job its slot back as soon as it asks, although all are taken: it has
// been cancelled, and only has to clean up.
func (q *Queue) Expedite(id string) {
	if j := q.jobs[id]; j != nil && j.started {
		j.urgent = true
	}
}

// NextSlot takes a job that has its slot back, in the order in which they asked. They
// go before new ones, and also while the queue is paused: they have begun.
func (q *Queue) NextSlot() (id string, ok bool) {
	for _, list := range []*[]*job{&q.returned, &q.reclaims} {
		for i, j := range *list {
			if !j.slot && q.used >= q.slots && !j.urgent {
				continue
			}
			*list = slices.Delete(*list, i, i+1)
			j.asked = false
			if !j.slot {
				j.slot = true
				q.used++
			}
			return j.ID, true
		}
	}
	return "", false
}

func (q *Queue) forgetReclaim(j *job) {
	if j.asked {
		j.asked = false
		same := func(other *job) bool { return other == j }
		q.reclaims, q.returned = slices.DeleteFunc(q.reclaims, same), slices.DeleteFunc(q.returned, same)
	}
}

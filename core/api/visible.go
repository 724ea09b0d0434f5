package api

import "github.com/patchbay-ci/patchbay/core"

// maxLooked bounds how many items one request looks through for those that its sender
// may see. When that is not enough for a page, the link to the next one goes on there.
const maxLooked = 5000

// visible reads a page of what somebody may see, from a store whose pages also have
// what they may not. last is the ID to go on from, or "" when there is no more.
func visible[T any](who *core.Identity, page core.Page, fetch func(core.Page) ([]T, error), id, pipeline func(T) string) (list []T, last string, err error) {
	next := page
	if !seesAll(who) {
		next.Limit = core.MaxPageLimit
	}
	for looked := 0; looked < maxLooked; {
		got, err := fetch(next)
		if err != nil {
			return nil, "", err
		}
		for i, item := range got {
			if !seesAll(who) && !who.Sees(pipeline(item)) {
				continue
			}
			if list = append(list, item); len(list) == page.Limit {
				if i == len(got)-1 && len(got) < next.Limit {
					return list, "", nil
				}
				return list, id(item), nil
			}
		}
		if len(got) < next.Limit {
			return list, "", nil
		}
		next.After = id(got[len(got)-1])
		looked += len(got)
	}
	return list, next.After, nil
}

// visibleOf leaves out what somebody may not see.
func visibleOf[T any](who *core.Identity, list []T, pipeline func(T) string) []T {
	if seesAll(who) {
		return list
	}
	var seen []T
	for _, item := range list {
		if who.Sees(pipeline(item)) {
			seen = append(seen, item)
		}
	}
	return seen
}

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk"
)

// reportToken is the secret that a report may come with.
const reportToken = "FAKE_TOKEN"

// ReportStatus implements sdk.StatusReporter. The context says how to misbehave:
// "fail:<class>" fails with an error of the class, "fail:<class>:<n>" in the first n
// reports of a state, "hang" until the host gives up, "crash" kills the process.
func (c *connector) ReportStatus(ctx context.Context, r sdk.StatusReport) error {
	given := "without"
	if r.Secrets[reportToken] != "" {
		given = "with"
	}
	if err := c.journal.note("ReportStatus", fmt.Sprintf("%s %s %s@%s %s token", r.State, r.Context, r.Repository, r.Commit, given), sdk.Workspace{}); err != nil {
		return err
	}
	behave, class, _ := strings.Cut(r.Context, ":")
	switch behave {
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	case "crash":
		die()
	case "fail":
		class, times, limited := strings.Cut(class, ":")
		most, err := strconv.Atoi(times)
		if limited && err == nil && c.reports.count(r.Commit+" "+string(r.State)) > most {
			return nil
		}
		return &sdk.Error{Class: sdk.ErrorClass(class), Message: "the forge said no", Suggestion: "ask it nicely"}
	}
	return nil
}

// counter counts by name. It is safe for concurrent use.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

// count adds one and returns how many there are.
func (c *counter) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[name]++
	return c.counts[name]
}

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// loadRequests asks for more than there is room for, and reads what is answered.
func loadRequests(ctx context.Context, b *bench, _ int) error {
	pipeline, err := b.client.create(ctx, oneStep(":"))
	if err != nil {
		return err
	}
	big := strings.Repeat("x", 11<<20)
	many := map[string]string{}
	for i := range 1001 {
		many[fmt.Sprintf("V%d", i)] = "v"
	}
	steps := "name: a\nstages: [{name: s, steps: [" + strings.Repeat("{name: n, run: a},", 100_000) + "]}]\n"
	deep := "name: a\nstages: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	aliases := "name: a\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		aliases += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	for what, ask := range map[string]struct {
		path   string
		body   any
		status []int
	}{
		"a file of 11 MiB":           {"/api/ci/pipelines", map[string]string{"yaml_content": big}, []int{413, 400}},
		"100,000 steps":              {"/api/ci/pipelines", map[string]string{"yaml_content": steps}, []int{400, 413}},
		"1,000 lists in each other":  {"/api/ci/pipelines", map[string]string{"yaml_content": deep}, []int{400}},
		"aliases that grow to 10^10": {"/api/ci/pipelines", map[string]string{"yaml_content": aliases}, []int{400}},
		"a trigger of 11 MiB":        {"/api/ci/pipelines/" + pipeline + "/trigger", map[string]any{"environment": map[string]string{"A": big}}, []int{413, 400}},
		"1,001 variables":            {"/api/ci/pipelines/" + pipeline + "/trigger", map[string]any{"environment": many}, []int{400}},
		"a branch of 1 MiB":          {"/api/ci/pipelines/" + pipeline + "/trigger", map[string]any{"branch": big[:1<<20]}, []int{400}},
	} {
		began := time.Now()
		_, err := b.client.do(ctx, http.MethodPost, ask.path, ask.body)
		var refused *refusal
		if !errors.As(err, &refused) {
			b.kept.check(fmt.Sprintf("%s: %v, want a refusal", what, err))
			continue
		}
		known := false
		for _, status := range ask.status {
			known = known || refused.status == status
		}
		b.kept.that(known && refused.Message != "" && len(refused.Message) < 2000 && time.Since(began) < healthBound,
			"%s, after %s: %.300s", what, time.Since(began).Round(time.Millisecond), refused.Error())
	}
	return nil
}

// loadTexts sends the largest pipelines that are taken, all at the same time.
func loadTexts(ctx context.Context, b *bench, count int) error {
	text := "name: large\nstages: [{name: s, steps: [{name: n, run: '" + strings.Repeat("x", 9<<20) + "'}]}]\n"
	var group sync.WaitGroup
	for range count {
		group.Go(func() {
			_, err := b.client.create(ctx, text)
			var refused *refusal
			b.kept.that(err == nil || errors.As(err, &refused) && refused.clear(), "%v", err)
		})
	}
	group.Wait()
	return nil
}

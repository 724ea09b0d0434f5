//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// client speaks to whichever server is up at the moment.
type client struct {
	http *http.Client

	mu  sync.Mutex
	url string
}

// requestLimit is how long one answer may take.
const requestLimit = 30 * time.Second

func newClient() *client {
	return &client{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
}

// at says where the server is now; empty while there is none.
func (c *client) at(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.url = url
}

func (c *client) address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url
}

// refusal is an answer that is not the one wanted: the server's own words.
type refusal struct {
	status      int
	Error_      string   `json:"error"`
	Message     string   `json:"message"`
	Suggestions []string `json:"suggestions"`
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s (%v)", r.status, r.Error_, r.Message, r.Suggestions)
}

// clear reports whether a client learns that it is not its fault, and what to do.
func (r *refusal) clear() bool {
	return r.status == http.StatusServiceUnavailable && r.Message != "" && len(r.Suggestions) > 0
}

// errNotSent is the error of a request that no server has seen.
var errNotSent = errors.New("no server to send it to")

// do makes a request and returns the body of a good answer. The error is
// errNotSent, a *refusal, or, when nobody can know what became of the request,
// another.
func (c *client) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	response, err := c.open(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if response.StatusCode >= 300 {
		return nil, refused(response.StatusCode, answer)
	}
	return answer, err
}

func refused(status int, answer []byte) error {
	r := &refusal{status: status}
	if json.Unmarshal(answer, r) != nil {
		r.Message = fmt.Sprintf("not the shape of an error: %.200q", answer)
	}
	return r
}

// open makes a request and returns the answer; close its body.
func (c *client) open(ctx context.Context, method, path string, body any) (*http.Response, error) {
	url := c.address()
	if url == "" {
		return nil, errNotSent
	}
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, url+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+adminToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return nil, errors.Join(errNotSent, err)
	}
	return response, err
}

// get asks and decodes.
func (c *client) get(ctx context.Context, path string, into any) error {
	answer, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if text, ok := into.(*string); ok {
		*text = string(answer)
		return nil
	}
	return json.Unmarshal(answer, into)
}

// create makes a pipeline and returns its ID.
func (c *client) create(ctx context.Context, yaml string) (string, error) {
	answer, err := c.do(ctx, http.MethodPost, "/api/ci/pipelines", map[string]string{"yaml_content": yaml})
	if err != nil {
		return "", err
	}
	var pipeline struct {
		ID string `json:"id"`
	}
	return pipeline.ID, json.Unmarshal(answer, &pipeline)
}

// trigger starts an execution and returns its ID.
func (c *client) trigger(ctx context.Context, pipeline string, environment map[string]string) (string, error) {
	answer, err := c.do(ctx, http.MethodPost, "/api/ci/pipelines/"+pipeline+"/trigger",
		map[string]any{"trigger_type": "manual", "environment": environment})
	if err != nil {
		return "", err
	}
	var accepted struct {
		ExecutionID string `json:"execution_id"`
	}
	if err := json.Unmarshal(answer, &accepted); err != nil || accepted.ExecutionID == "" {
		return "", errors.Join(fmt.Errorf("an answer to a trigger without an execution: %.200q", answer), err)
	}
	return accepted.ExecutionID, nil
}

// execution is the part of the API's execution that is looked at.
type execution struct {
	ID          string            `json:"id"`
	PipelineID  string            `json:"pipeline_id"`
	Number      int64             `json:"number"`
	Status      string            `json:"status"`
	Reason      string            `json:"reason"`
	Environment map[string]string `json:"environment"`
	FinishedAt  *time.Time        `json:"finished_at"`
	Stages      []struct {
		Name  string `json:"name"`
		Steps []struct {
			Name     string `json:"name"`
			Status   string `json:"status"`
			Reason   string `json:"reason"`
			ExitCode *int   `json:"exit_code"`
			Attempts int    `json:"attempts"`
		} `json:"steps"`
	} `json:"stages"`
}

// executions lists all of them, or all of a status.
func (c *client) executions(ctx context.Context, status string) ([]execution, error) {
	var all []execution
	after := ""
	for {
		path := "/api/ci/executions?limit=500"
		if status != "" {
			path += "&status=" + status
		}
		if after != "" {
			path += "&after=" + after
		}
		var page []execution
		if err := c.get(ctx, path, &page); err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < 500 {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// sendTimeout is how long the receiver may take to answer.
const sendTimeout = 30 * time.Second

type sendConfig struct {
	URL    string          `json:"url" jsonschema:"required,description=Where to: https://…"`
	Body   json.RawMessage `json:"body,omitempty" jsonschema:"description=What to send: an object; {} when it is left out"`
	Event  string          `json:"event,omitempty" jsonschema:"description=A word for what happened\\, sent as X-Patchbay-Event"`
	Secret string          `json:"secret,omitempty" jsonschema:"default=WEBHOOK_SECRET,description=The secret to sign with; the step must name it\\, too"`
}

// CheckConfig checks what the schema cannot.
func (c *sendConfig) CheckConfig() error {
	address, err := url.Parse(c.URL)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: fmt.Sprintf("%.100q is no address", c.URL), Pointer: "/url", Suggestion: "write https://…"}
	}
	if body := bytes.TrimSpace(c.Body); len(body) > 0 && body[0] != '{' {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "the body must be an object", Pointer: "/body"}
	}
	return nil
}

// sent is the state of an attempt whose delivery was answered.
type sent struct {
	Status int `json:"status"`
}

// send makes one request. Its delivery ID is the attempt's: after a crash in between it
// is sent again, and a receiver that looks at IDs takes it once.
func (c *connector) send(ctx context.Context, r sdk.Request[sendConfig], s *sdk.Session) (sdk.Result, error) {
	var done sent
	if len(r.State) == 0 || json.Unmarshal(r.State, &done) != nil {
		status, err := c.deliver(ctx, r)
		if err != nil {
			if _, cancelled := sdk.CancelGrace(ctx); cancelled {
				return sdk.Cancelled(), nil
			}
			return sdk.Result{}, err
		}
		done.Status = status
		state, err := json.Marshal(done)
		if err == nil {
			err = s.SaveState(state)
		}
		if err != nil {
			return sdk.Result{}, err
		}
	}
	if _, err := fmt.Fprintf(s.Stdout(), "answered %d %s\n", done.Status, http.StatusText(done.Status)); err != nil {
		return sdk.Result{}, err
	}
	if err := s.SetOutput("status", strconv.Itoa(done.Status)); err != nil {
		return sdk.Result{}, err
	}
	if done.Status >= 300 {
		return sdk.Failed("the receiver answered %d %s", done.Status, http.StatusText(done.Status)), nil
	}
	return sdk.Succeeded(), nil
}

// deliver returns the status of the answer.
func (c *connector) deliver(ctx context.Context, r sdk.Request[sendConfig]) (int, error) {
	secret := r.Step.Secrets[r.Config.Secret]
	if secret == "" {
		return 0, &sdk.Error{Class: sdk.ClassAuthentication, Message: "there is no secret " + r.Config.Secret + " to sign with",
			Suggestion: "name it in the step: secrets: [" + r.Config.Secret + "]"}
	}
	body := []byte(r.Config.Body)
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	timeout, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(timeout, http.MethodPost, r.Config.URL, bytes.NewReader(body))
	if err != nil {
		return 0, sdk.Errorf(sdk.ClassInvalidConfig, "the address cannot be used: %w", err)
	}
	now := strconv.FormatInt(c.now().Unix(), 10)
	signature := sign(secret, now, r.Step.AttemptID, body)
	for name, value := range map[string]string{"Content-Type": "application/json", "User-Agent": "patchbay-connector-webhook/" + version,
		timestampHeader: now, deliveryHeader: r.Step.AttemptID, eventHeader: r.Config.Event, signatureHeader: "sha256=" + hex.EncodeToString(signature)} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := c.http.Do(request)
	if err != nil {
		var failed *url.Error
		switch {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case errors.As(err, &failed) && failed.Timeout():
			return 0, sdk.Errorf(sdk.ClassTimeout, "the receiver did not answer in %s: %w", sendTimeout, failed.Err)
		case errors.As(err, &failed): // without the address, which may have a secret in it
			return 0, sdk.Errorf(sdk.ClassExternalService, "the receiver cannot be reached: %w", failed.Err)
		}
		return 0, sdk.Errorf(sdk.ClassExternalService, "the receiver cannot be reached: %w", err)
	}
	return response.StatusCode, response.Body.Close()
}

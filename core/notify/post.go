package notify

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer is how much of an answer is read.
	maxAnswer = 64 << 10
	// maxPause is the longest pause that a receiver may ask for.
	maxPause = time.Hour
)

// post sends a body and returns the beginning of the answer to it. The error of a bad
// answer has words of it, and none of the address, which may be a credential.
func (s *Service) post(ctx context.Context, address string, header http.Header, body string) ([]byte, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, permanent("webhook_url is not an address that begins with http:// or https://")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, permanent("webhook_url is not an address")
	}
	request.Header = header
	request.Header.Set("User-Agent", "patchbay/"+s.options.Version)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, undelivered(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, passing("the receiver's answer (%d) broke off", response.StatusCode)
	}
	return answer, refusal(response, answer)
}

// undelivered says why there was no answer.
func undelivered(err error) error {
	var dns *net.DNSError
	var operation *net.OpError
	switch {
	case errors.Is(err, errAddress):
		return &failure{text: errAddress.Error(), permanent: true}
	case errors.Is(err, context.DeadlineExceeded):
		return passing("the receiver did not answer in time")
	case errors.As(err, &dns):
		return passing("the receiver's name cannot be resolved: %s", dns.Err)
	case errors.As(err, &operation):
		return passing("the receiver cannot be reached: %v", operation.Err)
	}
	var address *url.Error // its text has the whole address
	if errors.As(err, &address) {
		err = address.Err
	}
	return passing("the receiver cannot be reached: %v", err)
}

// refusal makes an error of an answer that is none of success. What the sender is to
// blame for is not repeated, but for what may pass (RFC 9110, 15.5.9; RFC 8470; RFC 6585).
func refusal(response *http.Response, answer []byte) error {
	code := response.StatusCode
	f := &failure{text: "the receiver answered " + strconv.Itoa(code) + " " + http.StatusText(code)}
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		f.text += ", a redirect that is not followed; write the final address"
		f.permanent = true
		return f
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		f.after = retryAfter(response.Header.Get("Retry-After"))
	default:
		f.permanent = true
	}
	if said := short(string(answer[:min(len(answer), 200)])); said != "" {
		f.text += ": " + said
	}
	return f
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3).
func retryAfter(value string) time.Duration {
	pause := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		pause = time.Until(at)
	}
	return min(max(pause, 0), maxPause)
}

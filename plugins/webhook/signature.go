package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The headers of a delivery, in lower case. README.md describes the signature.
const (
	signatureHeader = "x-patchbay-signature"
	timestampHeader = "x-patchbay-timestamp"
	deliveryHeader  = "x-patchbay-delivery"
	eventHeader     = "x-patchbay-event"
)

// defaultTolerance is how far the sender's clock and the way of a delivery may take its
// timestamp from now.
const defaultTolerance = 5 * time.Minute

// sign returns the signature: HMAC-SHA256 (RFC 2104) of "timestamp.body", or of
// "timestamp.delivery.body" when the delivery has an ID. One is never the other, since
// a body is JSON and an ID has none of its brackets and quotes.
func sign(secret, timestamp, delivery string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	if delivery != "" {
		mac.Write([]byte(delivery + "."))
	}
	mac.Write(body)
	return mac.Sum(nil)
}

// verify checks signature and timestamp, and returns the ID of the delivery: the
// sender's when that is signed, and otherwise one made of the signature, so that the
// same bytes are the same delivery.
func verify(r sdk.WebhookRequest, now time.Time, tolerance time.Duration) (id string, err error) {
	id = r.Headers[deliveryHeader]
	if len(id) > maxID || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"{}[]`, c) }) {
		return "", sdk.Errorf(sdk.ClassInvalidConfig, "the header X-Patchbay-Delivery is no ID: at most %d letters, digits and signs without quotes and brackets", maxID)
	}
	if r.Secret == "" {
		return id, nil
	}
	refuse := func(format string, args ...any) (string, error) {
		return "", &sdk.Error{Class: sdk.ClassAuthentication, Message: fmt.Sprintf(format, args...),
			Suggestion: `sign "timestamp.body" by HMAC-SHA256: see the README of the webhook connector`}
	}
	given, found := strings.CutPrefix(r.Headers[signatureHeader], "sha256=")
	if !found {
		return refuse("the delivery is not signed: X-Patchbay-Signature is sha256=<hex>")
	}
	timestamp := r.Headers[timestampHeader]
	signature, err := hex.DecodeString(given)
	plain := sign(r.Secret, timestamp, "", r.Body)
	switch {
	case err != nil:
		return refuse("the signature is not hexadecimal")
	case id != "" && hmac.Equal(sign(r.Secret, timestamp, id, r.Body), signature):
	case hmac.Equal(plain, signature):
		id = "signature-" + hex.EncodeToString(plain[:16])
	default:
		return refuse("the signature is not right")
	}
	// Only now: who has not signed learns nothing about the clock.
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return refuse("X-Patchbay-Timestamp is not a number of seconds since 1970")
	}
	if apart := now.Sub(time.Unix(seconds, 0)).Abs(); apart > tolerance {
		return refuse("the timestamp is %s away from now, and %s are tolerated: the delivery is old, or a clock is wrong", apart.Round(time.Second), tolerance)
	}
	return id, nil
}

// maxID is the longest ID of a delivery.
const maxID = 128

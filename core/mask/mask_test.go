package mask

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

const pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END KEY-----\n"

func TestText(t *testing.T) {
	t.Parallel()
	secret := `p@ss/w"rd's+1`
	encoded := func(before, after string) string {
		return base64.StdEncoding.EncodeToString([]byte(before + secret + after))
	}
	s := New([]string{secret, pem, "true", "42", "abc", "hunter2"})
	for text, want := range map[string]string{
		"": "", "nothing here": "nothing here",
		"a " + secret + " b":                   "a *** b",
		secret + secret:                        "******",
		hex.EncodeToString([]byte(secret)):     "***",
		url.QueryEscape(secret):                "***",
		url.PathEscape(secret):                 "***",
		`"p@ss/w\"rd's+1"`:                     `"***"`,
		`'p@ss/w"rd'\''s+1'`:                   `'***'`,
		encoded("", ""):                        "***",
		"true is 42 abc":                       "true is 42 abc",
		"hunter22":                             "***2",
		"it is hunter":                         "it is hunter",
		pem:                                    "***",
		"  MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\r": "  ***\r",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAAS":      "MIIEvQIBADANBgkqhkiG9w0BAQEFAAS",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
	for _, around := range [][2]string{{"x", "y"}, {"xy", "z"}, {"user:", ""}, {"a", "bc"}, {"ab", "c"}, {"", "tail"}} {
		if got := s.Text(encoded(around[0], around[1])); !strings.Contains(got, "***") || len(got) > 3+16 {
			t.Errorf("within %q in base64: %q of %q", around, got, encoded(around[0], around[1]))
		}
	}
	if New([]string{"true", "a", ""}) != nil || !New(nil).Empty() || New(nil).Text("x") != "x" {
		t.Error("nothing to mask is not nothing")
	}
}

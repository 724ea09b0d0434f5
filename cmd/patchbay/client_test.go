package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a server refuses is told with all that it said.
func TestRefusalIsShown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("the token is %q", r.Header.Get("Authorization"))
		}
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"ValidationError","message":"it is not valid","details":"1:2: odd","suggestions":["do this"],"status":400}`)
	}))
	defer server.Close()
	for _, args := range [][]string{{"pipeline", "create", "-"}, {"pipeline", "list"}, {"pipeline", "get", "x"}, {"pipeline", "get", "x", "--yaml"},
		{"pipeline", "update", "x", "-"}, {"pipeline", "delete", "x"}, {"pipeline", "trigger", "x"}, {"pipeline", "trigger", "x", "--wait"},
		{"execution", "list"}, {"execution", "get", "x"}, {"execution", "logs", "x"}, {"execution", "logs", "x", "-f"}, {"execution", "cancel", "x"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			a, stdout, stderr := clientApp(server.URL)
			if code := a.main(t.Context(), args); code != exitFailed || stdout.Len() > 0 {
				t.Errorf("exit code %d, shown: %s", code, stdout)
			}
			if want := "patchbay: it is not valid\n1:2: odd\n  → do this\n"; stderr.String() != want {
				t.Errorf("said %q", stderr)
			}
		})
	}
}

func TestBadUsageOfTheClient(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url  string
		args []string
		code int
		want string
	}{
		"no scheme":     {"localhost:8000", []string{"pipeline", "list"}, exitUsage, "http://127.0.0.1:8000"},
		"no host":       {"http://", []string{"pipeline", "list"}, exitUsage, "PATCHBAY_URL"},
		"nobody there":  {"http://127.0.0.1:1", []string{"pipeline", "list"}, exitFailed, "http://127.0.0.1:1 cannot be reached"},
		"no ID":         {"", []string{"execution", "get"}, exitUsage, "arg"},
		"no such file":  {"", []string{"pipeline", "create", "/nowhere/p.yaml"}, exitUsage, "/nowhere/p.yaml"},
		"odd variable":  {"", []string{"pipeline", "trigger", "x", "--env", "A"}, exitUsage, "NAME=value"},
		"no such flag":  {"", []string{"execution", "list", "--odd"}, exitUsage, "odd"},
		"odd -o format": {"", []string{"pipeline", "list", "-o", "xml"}, exitUsage, "xml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, stderr := clientApp(test.url)
			if code := a.main(t.Context(), test.args); code != test.code || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}

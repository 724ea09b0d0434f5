package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, content string, environment map[string]string) (Server, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Server{}, file, func(name string) string { return environment[name] })
}

func TestNotify(t *testing.T) {
	t.Parallel()
	got, err := load(t, "public_url: https://a.example.com\nnotify_networks: 10.0.0.0/8, ::1\nsmtp: {host: a, port: 2525, tls: tls, username: u, from: a@example.com}\n",
		map[string]string{"PATCHBAY_PUBLIC_URL": "https://b.example.com", "PATCHBAY_SMTP_PASSWORD": "p", "PATCHBAY_SMTP_HOST": "b"})
	if err != nil {
		t.Fatal(err)
	}
	want := SMTP{Host: "b", Port: 2525, TLS: "tls", Username: "u", Password: "p", From: "a@example.com"}
	if diff := cmp.Diff(want, got.SMTP); diff != "" || got.Access.PublicURL != "https://b.example.com" {
		t.Errorf("%s %s", got.Access.PublicURL, diff)
	}
	networks, err := got.Networks()
	if diff := cmp.Diff([]string{"10.0.0.0/8", "::1/128"}, texts(networks)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func texts(prefixes []netip.Prefix) []string {
	var list []string
	for _, p := range prefixes {
		list = append(list, p.String())
	}
	return list
}

func TestNotifyMistakes(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"public_url: ci.example.com\n":                                  "https://ci.example.com",
		"slack_url: ftp://x\n":                                          "slack_url",
		"notify_networks: 10.0.0.0/99\n":                                "10.0.0.0/8",
		"smtp: {from: a@example.com}\n":                                 "no host",
		"smtp: {host: a}\n":                                             "smtp.from",
		"smtp: {host: a, from: a@example.com, tls: ssl}\n":              "starttls",
		"smtp: {host: a, from: a@example.com, port: 70000}\n":           "65535",
		"smtp: {host: a, from: a@example.com, username: u}\n":           "PATCHBAY_SMTP_PASSWORD",
		"smtp: {host: a, from: a@example.com, password: in the file}\n": "password",
	} {
		if _, err := load(t, content, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", content, err)
		}
	}
	if _, err := (SMTP{CAFile: "/nonexistent"}).Roots(); err == nil {
		t.Error("no error for a file that is not there")
	}
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (SMTP{CAFile: empty}).Roots(); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Error(err)
	}
}

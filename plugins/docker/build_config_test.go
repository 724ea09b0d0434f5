package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestBuildConfig(t *testing.T) {
	t.Parallel()
	c := newConnector()
	cases := map[string]struct{ config, want, pointer string }{
		"nothing":                  {`{}`, "", ""},
		"everything":               {`{"image":"a","tags":"v1","registry":"r.example.com","dockerfile":"D","build_context":"c","working_directory":"w","args":{"A":1,"B":null},"environment":["B=2"],"target":"t","labels":{"x":"y"},"platform":"linux/arm64/v8","cache_from":["a:b"],"no_cache":true,"pull":"always","distroless":true,"push":false,"registry_auth":"SECRET"}`, "", ""},
		"a command":                {`{"command":"make"}`, "command", "/command"},
		"an unknown key":           {`{"dockerfle":"x"}`, "dockerfle", "/dockerfle"},
		"image of a wrong type":    {`{"image":7}`, "", "/image"},
		"an image in upper case":   {`{"image":"App"}`, "lower", "/image"},
		"an image by digest":       {`{"image":"a@sha256:` + strings.Repeat("0", 64) + `"}`, "by its digest", "/image"},
		"a tag that is none":       {`{"image":"a","tags":["ok","-x"]}`, `"-x"`, "/tags/1"},
		"a registry that is none":  {`{"image":"a","registry":"not a host"}`, `"a" cannot be`, "/image"},
		"too many tags":            {`{"tags":[` + strings.Repeat(`"a",`, maxNames) + `"b"]}`, "too many", "/tags"},
		"both Dockerfiles":         {`{"dockerfile":"D","dockerfile_inline":"FROM x"}`, "both given", "/dockerfile_inline"},
		"a context elsewhere":      {`{"build_context":"https://example.com/x.git"}`, "the address of something", "/build_context"},
		"an arg without a name":    {`{"args":["=x"]}`, "not the name of an ARG", ""},
		"an arg of a wrong type":   {`{"args":{"A":{}}}`, "", "/args/A"},
		"labels of a wrong type":   {`{"labels":7}`, "", "/labels"},
		"a label of ours":          {`{"labels":{"ci.patchbay.attempt":"x"}}`, "its own", "/labels"},
		"a platform that is none":  {`{"platform":"linux arm"}`, "not a platform", "/platform"},
		"a cache that is none":     {`{"cache_from":["A B"]}`, "not the name of an image", "/cache_from/0"},
		"no_cache of a wrong type": {`{"no_cache":"yes"}`, "", "/no_cache"},
		"never pull":               {`{"pull":"never"}`, "", "/pull"},
		"a push of nothing":        {`{"push":true}`, "without a name", "/push"},
		"push of a wrong type":     {`{"push":"r.example.com"}`, "", "/push"},
		"target of a wrong type":   {`{"target":1}`, "", "/target"},
		"a login without a secret": {`{"registry_auth":{"username":"u"}}`, "password is missing", ""},
		"a login with another key": {`{"registry_auth":{"user":"u"}}`, "", "/registry_auth"},
	}
	for name, c2 := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems, err := c.ValidateConfig(t.Context(), sdk.ValidateRequest{Action: "build", Config: json.RawMessage(c2.config)})
			if err != nil {
				t.Fatal(err)
			}
			if c2.want == "" && c2.pointer == "" {
				if len(problems) > 0 {
					t.Errorf("got %+v", problems)
				}
				return
			}
			if len(problems) == 0 || problems[0].Severity != sdk.SeverityError || !strings.Contains(problems[0].Message+problems[0].Suggestion, c2.want) ||
				!strings.HasPrefix(problems[0].Pointer, c2.pointer) {
				t.Errorf("got %+v", problems)
			}
		})
	}
}

func TestWhatMeansABuild(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]bool{
		`{"dockerfile":"Dockerfile","image":"a"}`: true, `{"build_context":"."}`: true, `{"dockerfile_inline":"FROM x"}`: true,
		`{"image":"a"}`: false, `{"image":"a","dockerfile":"D","command":"make"}`: false, `{"image":"a","dockerfile":"D","script":"make"}`: false,
		`{"image":"a","dockerfile":"D","ports":["80:80"]}`: false,
	} {
		var marked map[string]any
		if err := json.Unmarshal([]byte(config), &marked); err != nil {
			t.Fatal(err)
		}
		marked["no_cache"] = true // a key of build, and of no other action
		data, err := json.Marshal(marked)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := newConnector().CheckConfig(sdk.ValidateRequest{Config: data})
		if err != nil || (len(problems) == 0) != want {
			t.Errorf("%s: got %+v, %v", config, problems, err)
		}
	}
}

func TestImageNames(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		image    string
		tags     []string
		registry string
		want     []string
	}{
		"nothing":                     {"", nil, "", nil},
		"a name":                      {"app", nil, "", []string{"app:latest"}},
		"a name with a tag":           {"team/app:1", nil, "", []string{"team/app:1"}},
		"tags of a name":              {"team/app", []string{"1", "latest"}, "", []string{"team/app:1", "team/app:latest"}},
		"a tag of its own, and more":  {"app:1", []string{"2", "1"}, "", []string{"app:1", "app:2"}},
		"whole names":                 {"", []string{"app", "team/app:2"}, "", []string{"app:latest", "team/app:2"}},
		"a whole name among tags":     {"app", []string{"1", "other/app:2"}, "", []string{"app:1", "other/app:2"}},
		"a registry":                  {"app", []string{"1"}, "r.example.com:5000", []string{"r.example.com:5000/app:1"}},
		"a registry with a path":      {"app", nil, "https://r.example.com/team/", []string{"r.example.com/team/app:latest"}},
		"a name that has one":         {"localhost/app", []string{"1", "q.example.com/x:2"}, "r.example.com", []string{"localhost/app:1", "q.example.com/x:2"}},
		"a port is no tag":            {"localhost:5000/app", []string{"1"}, "", []string{"localhost:5000/app:1"}},
		"Docker Hub":                  {"docker.io/library/app", nil, "", []string{"app:latest"}},
		"Docker Hub, as the registry": {"team/app", nil, "docker.io", []string{"team/app:latest"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := imageNames(c.image, c.tags, c.registry)
			if difference := cmp.Diff(c.want, got); difference != "" || err != nil {
				t.Error(difference, err)
			}
		})
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		`{"A":"x","B":null,"C":null,"D":"","E":1.5,"F":true}`: {"A": "x", "B": "of the step", "D": "", "E": "1.5", "F": "true"},
		`["A=x=y","B","C","D="]`:                              {"A": "x=y", "B": "of the step", "D": ""},
	} {
		var args buildArgs
		if err := json.Unmarshal([]byte(text), &args); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name, value := range args.with(map[string]string{"A": "no"}, map[string]string{"B": "of the step", "X": "not asked for"}) {
			got[name] = *value
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Error(difference)
		}
	}
}

func FuzzImageNames(f *testing.F) {
	f.Add("app:1", "latest", "r.example.com:5000/team")
	f.Add("a@sha256:x", ":", "://")
	f.Fuzz(func(t *testing.T, image, tag, registry string) {
		names, err := imageNames(image, []string{tag}, registry)
		if err != nil && sdk.ClassOf(err) != sdk.ClassInvalidConfig {
			t.Errorf("got %v", err)
		}
		for _, name := range names {
			if again, err := imageNames(name, nil, ""); err != nil || len(again) != 1 || again[0] != name {
				t.Errorf("%q becomes %q, %v", name, again, err)
			}
		}
	})
}

package detect

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files []string
		want  []string
	}{
		"nothing":           {nil, nil},
		"go":                {[]string{"go.mod", "main.go"}, []string{"go"}},
		"several":           {[]string{"Dockerfile", "package.json", "Makefile"}, []string{"node", "make", "docker"}},
		"one kind once":     {[]string{"setup.py", "requirements.txt"}, []string{"python"}},
		"not below":         {[]string{"inner/go.mod"}, nil},
		"a folder is no go": {[]string{"go.mod/x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := fstest.MapFS{}
			for _, file := range test.files {
				folder[file] = &fstest.MapFile{Mode: fs.FileMode(0o600)}
			}
			projects, err := Detect(folder)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range projects {
				got = append(got, p.Type)
				if len(p.Steps) == 0 {
					t.Errorf("%s has no steps", p.Type)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

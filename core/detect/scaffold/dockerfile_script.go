package scaffold

import (
	"path"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core/detect"
)

// writeNode writes for a program that Node.js runs, or a site that it only builds.
func writeNode(d *dockerfile, p *detect.Project) {
	image := "node:" + or(p.Version, usualNode) + "-alpine"
	d.from("%s AS build", image)
	d.line("WORKDIR /app")
	if p.Tool != "npm" {
		d.line("RUN npm install --global corepack && corepack enable")
	}
	d.line("COPY %s ./\nRUN %s\nCOPY . .", strings.Join(nodeManifests(p), " "), p.Steps[0].Script)
	if slices.ContainsFunc(p.Steps, func(s detect.Step) bool { return s.Name == "build" }) {
		d.line("RUN %s run build", p.Tool)
	}
	if p.App.Static {
		d.from(webServer)
		d.line("COPY --from=build --chown=%s /app/%s /usr/share/nginx/html", webUser, p.App.Output)
		d.end(webUser, 8080, "")
		return
	}
	// A script may start what is only there for development; node itself does not.
	switch direct := p.App.Command[0] == "node"; {
	case direct && p.Tool == "npm":
		d.line("RUN npm prune --omit=dev")
	case direct && p.Tool == "pnpm":
		d.line("RUN pnpm prune --prod")
	}
	d.from("%s", image)
	d.line("WORKDIR /app\nENV NODE_ENV=production\nCOPY --from=build --chown=node:node /app .")
	command := slices.Clone(p.App.Command)
	if command[0] == p.Tool { // npm is in the image, others are not
		command[0] = "npm"
	}
	d.end("node", p.App.Port, "CMD", command...)
}

// nodeManifests is what must be there to install; those with a star may be missing.
func nodeManifests(p *detect.Project) []string {
	files := []string{"package.json"}
	if lock := path.Base(p.Cache.Files[0]); lock != "package.json" {
		files = append(files, lock)
	}
	if p.Tool == "yarn" {
		return append(files, ".yarnrc.yml*")
	}
	return append(files, ".npmrc*")
}

// writePython installs into a folder of its own, which is all that is taken along.
func writePython(d *dockerfile, p *detect.Project) {
	image := "python:" + or(p.Version, usualPython) + "-slim"
	has := func(name string) bool {
		return p.Cache != nil && slices.ContainsFunc(p.Cache.Files, func(file string) bool { return path.Base(file) == name })
	}
	d.from("%s AS build", image)
	d.line("WORKDIR /app\nENV VIRTUAL_ENV=/venv PATH=/venv/bin:$PATH PIP_NO_CACHE_DIR=1\nRUN python -m venv /venv")
	switch {
	case p.Tool == "uv":
		locked := ""
		if has("uv.lock") {
			locked = " --locked"
		}
		d.line("ENV UV_PROJECT_ENVIRONMENT=/venv UV_NO_CACHE=1\nRUN pip install 'uv==0.*'")
		d.line("COPY pyproject.toml uv.lock* ./\nRUN uv sync%s --no-dev --no-install-project", locked)
		d.line("COPY . .\nRUN uv sync%s --no-dev --no-editable", locked)
	case p.Tool == "poetry":
		d.line("RUN /usr/local/bin/pip install 'poetry==2.*'")
		d.line("COPY pyproject.toml poetry.lock* ./\nRUN /usr/local/bin/poetry install --only main --no-root --no-interaction")
		d.line("COPY . .\nRUN /usr/local/bin/poetry install --only main --no-interaction")
	case has("requirements.txt"):
		d.line("COPY requirements.txt ./\nRUN pip install -r requirements.txt\nCOPY . .")
	default:
		d.line("COPY . .\nRUN pip install .")
	}
	d.from("%s", image)
	d.line("WORKDIR /app\nENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1\nCOPY --from=build /venv /venv\nCOPY --from=build --chown=%s /app .", anyUser)
	d.end(anyUser, p.App.Port, "CMD", p.App.Command...)
}

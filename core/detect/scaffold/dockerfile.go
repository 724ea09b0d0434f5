package scaffold

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core/detect"
)

// Versions of languages for projects that ask for none.
const (
	usualGo     = "1.26"
	usualNode   = "24"
	usualPython = "3.13"
	usualRust   = "1"
	usualJava   = "21"
	usualDotnet = "9.0"
	usualPHP    = "8.4"
	usualRuby   = "3.4"
)

// Images that programs run in. They have no root to run as, or another user is named.
const (
	goRuntime   = "gcr.io/distroless/static-debian12:nonroot"
	rustRuntime = "gcr.io/distroless/cc-debian12:nonroot"
	webServer   = "nginxinc/nginx-unprivileged:1-alpine"
)

// webUser is the user of the image of the web server.
const webUser = "101:101"

// anyUser is nobody's number in the images that have no user for programs.
const anyUser = "10001:10001"

// Dockerfile returns what an image of the project is built from, with the project's
// folder as the context; or "" and why there is none.
//
// What changes seldom is copied first, so that it is built once; what only builds is
// left behind; what runs is not root. Copied files belong to who runs: with the
// permissions of a careful user's files, nobody else could read them.
func Dockerfile(p *detect.Project) (text, whyNot string) {
	switch {
	case p.App == nil:
		return "", "it is not known to be a program that runs by itself"
	case p.Workspace != "":
		return "", "it is built with its workspace, whose folder would have to be the context"
	}
	writers := map[string]func(*dockerfile, *detect.Project){"go": writeGo, "node": writeNode, "python": writePython, "rust": writeRust,
		"java": writeJava, "dotnet": writeDotnet, "php": writePHP, "ruby": writeRuby, "static": writeStatic}
	write := writers[p.Type]
	if write == nil {
		return "", "there is no usual image for it"
	}
	d := &dockerfile{}
	d.line("# Written by `patchbay init`; yours to change.")
	for _, e := range p.Evidence {
		d.line("# %s", printable(e.String()))
	}
	write(d, p)
	return d.String(), ""
}

// dockerfile is one that is being written.
type dockerfile struct{ strings.Builder }

func (d *dockerfile) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// from begins a stage; what is between two stages is an empty line.
func (d *dockerfile) from(format string, args ...any) { d.line("\nFROM "+format, args...) }

// end says what the image runs, as whom, and where it listens.
func (d *dockerfile) end(user string, port int, instruction string, command ...string) {
	if user != "" {
		d.line("USER %s", user)
	}
	if port > 0 {
		d.line("EXPOSE %d", port)
	}
	words, err := json.Marshal(command)
	if err == nil && instruction != "" {
		d.line("%s %s", instruction, words)
	}
}

// or is the version that the project asks for, or the usual one.
func or(version, usual string) string {
	if version == "" {
		return usual
	}
	return version
}

func writeGo(d *dockerfile, p *detect.Project) {
	d.from("golang:%s-alpine AS build", or(p.Version, usualGo))
	d.line("WORKDIR /src\nCOPY go.mod go.sum* ./\nRUN go mod download\nCOPY . .")
	d.line("RUN CGO_ENABLED=0 go build -trimpath -ldflags=\"-s -w\" -o /out/app %s", p.App.Entry)
	d.from(goRuntime)
	d.line("COPY --from=build /out/app /app")
	d.end("65532:65532", p.App.Port, "ENTRYPOINT", "/app")
}

func writeRust(d *dockerfile, p *detect.Project) {
	d.from("rust:%s-slim-bookworm AS build", or(p.Version, usualRust))
	d.line("WORKDIR /src")
	locked := ""
	if p.Cache != nil && slices.ContainsFunc(p.Cache.Files, func(name string) bool { return path.Base(name) == "Cargo.lock" }) {
		locked = " --locked"
	}
	if p.App.Output == "src/main.rs" { // Cargo wants a program to be there before it fetches
		d.line("COPY Cargo.toml Cargo.lock* ./\nRUN mkdir src && touch src/main.rs && cargo fetch%s", locked)
	}
	d.line("COPY . .\nRUN cargo build --release%s --bin %s && cp target/release/%s /app", locked, p.App.Entry, p.App.Entry)
	d.from(rustRuntime)
	d.line("COPY --from=build /app /app")
	d.end("65532:65532", p.App.Port, "ENTRYPOINT", "/app")
}

func writeJava(d *dockerfile, p *detect.Project) {
	version := or(p.Version, usualJava)
	if p.Tool == "maven" {
		d.from("maven:3-eclipse-temurin-%s AS build", version)
		d.line("WORKDIR /src\nCOPY pom.xml ./\nRUN mvn --batch-mode dependency:go-offline\nCOPY . .")
		d.line("RUN mvn --batch-mode -DskipTests package && rm -f target/original-*.jar target/*-sources.jar && cp target/*.jar /app.jar")
	} else {
		d.from("gradle:8-jdk%s AS build", version)
		d.line("WORKDIR /src\nCOPY *.gradle* gradle.properties* ./\nRUN gradle --no-daemon dependencies\nCOPY . .")
		d.line("RUN gradle --no-daemon build -x test && rm -f build/libs/*-plain.jar && cp build/libs/*.jar /app.jar")
	}
	d.from("eclipse-temurin:%s-jre", version)
	d.line("COPY --from=build /app.jar /app.jar")
	d.end(anyUser, p.App.Port, "ENTRYPOINT", "java", "-jar", "/app.jar")
}

func writeDotnet(d *dockerfile, p *detect.Project) {
	version := or(p.Version, usualDotnet)
	d.from("mcr.microsoft.com/dotnet/sdk:%s AS build", version)
	d.line("WORKDIR /src")
	d.line("COPY . .\nRUN dotnet publish %s --configuration Release --output /out", p.App.Entry)
	runtime := "runtime"
	if p.App.Port > 0 {
		runtime = "aspnet"
	}
	d.from("mcr.microsoft.com/dotnet/%s:%s", runtime, version)
	d.line("WORKDIR /app\nCOPY --from=build --chown=%s /out .", anyUser)
	if p.App.Port > 0 {
		d.line("ENV ASPNETCORE_URLS=http://+:%d", p.App.Port)
	}
	d.end(anyUser, p.App.Port, "ENTRYPOINT", "dotnet", path.Base(p.App.Output))
}

func writePHP(d *dockerfile, p *detect.Project) {
	d.from("composer:2 AS build")
	d.line("WORKDIR /app\nCOPY composer.json composer.lock* ./")
	d.line("RUN composer install --no-dev --no-interaction --no-progress --no-scripts --no-autoloader --ignore-platform-reqs")
	d.line("COPY . .\nRUN composer dump-autoload --no-dev --optimize")
	d.from("php:%s-apache", or(p.Version, usualPHP))
	root := path.Join("/var/www/html", p.App.Output)
	d.line("RUN sed -i 's/^Listen 80$/Listen 8080/' /etc/apache2/ports.conf \\\n && sed -i 's/:80>/:8080>/; s#/var/www/html#%s#' /etc/apache2/sites-available/000-default.conf", root)
	d.line("COPY --from=build --chown=www-data:www-data /app /var/www/html")
	d.end("www-data", p.App.Port, "")
}

func writeRuby(d *dockerfile, p *detect.Project) {
	version := or(p.Version, usualRuby)
	d.from("ruby:%s AS build", version)
	d.line("WORKDIR /app\nENV BUNDLE_PATH=/bundle BUNDLE_WITHOUT=development:test")
	d.line("COPY Gemfile Gemfile.lock* ./\nRUN bundle install --jobs 4\nCOPY . .")
	d.from("ruby:%s-slim", version)
	d.line("WORKDIR /app\nENV BUNDLE_PATH=/bundle BUNDLE_WITHOUT=development:test RACK_ENV=production RAILS_ENV=production")
	d.line("COPY --from=build /bundle /bundle\nCOPY --from=build --chown=%s /app .", anyUser)
	d.end(anyUser, p.App.Port, "CMD", p.App.Command...)
}

func writeStatic(d *dockerfile, _ *detect.Project) {
	d.from(webServer)
	d.line("COPY --chown=%s . /usr/share/nginx/html", webUser)
	d.end(webUser, 8080, "")
}

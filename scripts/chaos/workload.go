//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// The names of the variables that a trigger gives to its steps.
const (
	envTrigger = "CHAOS_TRIGGER" // its number
	envEffects = "CHAOS_EFFECTS" // the file of effects
	envMarks   = "CHAOS_MARKS"   // the folder of marks
	envStand   = "CHAOS_STAND"   // marks every process of this program's steps
)

// act is one step and what it must come to.
type act struct {
	name   string
	extra  string // further keys of the step
	script string
	// stdout and stderr are what it prints; %E stands for the execution's ID.
	stdout, stderr string
	status         string
	code           int
	// image makes it a step in a container, which can only write to the workspace: a
	// later step passes its effects on.
	image string
	// runs is how often it takes effect: once for each attempt.
	runs int
}

// effect is the first thing that each step does: one line, by one write to a file
// opened for appending.
const effect = `echo "$CHAOS_TRIGGER $CI_STEP_NAME" >>"$CHAOS_EFFECTS"` + "\n"

// scene is a stage.
type scene struct {
	name     string
	parallel bool
	acts     []act
}

// play is a pipeline that covers how steps start, print and end. One of its steps
// says nothing for a time.
func play(quiet time.Duration) []scene {
	return []scene{
		{name: "first", parallel: true, acts: []act{quick(), slow(12), burst(3000)}},
		{name: "second", acts: []act{binary(), again(), allowed()}},
		{name: "third", parallel: true, acts: []act{replaced(), slow(4).named("brief"), silent(quiet)}},
	}
}

// inContainer is a stage with a container, and one that gathers its effects.
func inContainer(image string) []scene {
	box := slow(6).named("container")
	box.image = image
	gather := act{name: "gather", script: "cat gathered >>\"$CHAOS_EFFECTS\"\ncat gathered | wc -l", stdout: "1\n", status: "success", runs: 1}
	return []scene{{name: "fourth", acts: []act{box}}, {name: "fifth", acts: []act{gather}}}
}

func (a act) named(name string) act {
	a.name = name
	a.stdout = strings.ReplaceAll(a.stdout, "slow", name)
	return a
}

func quick() act {
	return act{name: "quick", script: `echo "quick $CI_EXECUTION_ID"`, stdout: "quick %E\n", status: "success", runs: 1}
}

// slow speaks on both streams with pauses, so that most kills find it at work.
func slow(lines int) act {
	a := act{name: "slow", status: "success", runs: 1, script: fmt.Sprintf(
		"i=0\nwhile [ $i -lt %d ]; do i=$((i+1)); echo \"$CI_STEP_NAME $i $CI_EXECUTION_ID\"; echo \"to stderr $i\" >&2; sleep 0.08; done", lines)}
	for i := range lines {
		a.stdout += fmt.Sprintf("slow %d %%E\n", i+1)
		a.stderr += fmt.Sprintf("to stderr %d\n", i+1)
	}
	return a
}

// burst prints much at once.
func burst(lines int) act {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "%d\n", i+1)
	}
	return act{name: "burst", script: fmt.Sprintf("seq 1 %d", lines), stdout: b.String(), status: "success", runs: 1}
}

// binary prints what is no text, and no line end at the end.
func binary() act {
	return act{name: "binary", script: `printf 'a\000\377\376b\n\nlast'`, stdout: "a\x00\xff\xfeb\n\nlast", status: "success", runs: 1}
}

// again fails at its first attempt.
func again() act {
	return act{name: "again", extra: "retry_count: 1", status: "success", runs: 2, stdout: "first\nsecond\n",
		script: `if [ -e "$CHAOS_MARKS/$CHAOS_TRIGGER" ]; then echo second; else : >"$CHAOS_MARKS/$CHAOS_TRIGGER"; echo first; exit 1; fi`}
}

// allowed fails, and may.
func allowed() act {
	return act{name: "allowed", extra: "continue_on_error: true", script: "echo no >&2\nexit 3", stderr: "no\n", status: "failed", code: 3, runs: 1}
}

// silent outlives several connectors without a sign of life.
func silent(quiet time.Duration) act {
	return act{name: "silent", script: fmt.Sprintf("sleep %.1f\necho after", quiet.Seconds()), stdout: "after\n", status: "success", runs: 1}
}

// leaver leaves a process behind, in a session of its own: it is to be ended with the
// execution.
func leaver() act {
	return act{name: "leaver", script: "setsid sleep 3600 >/dev/null 2>&1 </dev/null &\necho left", stdout: "left\n", status: "success", runs: 1}
}

// replaced gives its shell away, whose last act would be to note its exit code.
func replaced() act {
	return act{name: "replaced", script: "exec sh -c 'sleep 0.3; echo done; echo ended >&2'", stdout: "done\n", stderr: "ended\n", status: "success", runs: 1}
}

// yaml writes scenes as a pipeline.
func yaml(name string, scenes []scene) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nstages:\n", name)
	for _, s := range scenes {
		fmt.Fprintf(&b, "  - name: %s\n    parallel: %v\n    steps:\n", s.name, s.parallel)
		for _, a := range s.acts {
			fmt.Fprintf(&b, "      - name: %s\n", a.name)
			if a.extra != "" {
				fmt.Fprintf(&b, "        %s\n", a.extra)
			}
			script := effect + a.script
			if a.image == "" {
				b.WriteString("        step_type: shell\n        config:\n          command: |\n")
			} else {
				fmt.Fprintf(&b, "        step_type: docker\n        config:\n          image: %s\n          command: |\n", a.image)
				script = strings.ReplaceAll(effect, `"$CHAOS_EFFECTS"`, "gathered") + a.script
			}
			for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
				b.WriteString("            " + line + "\n")
			}
		}
	}
	return b.String()
}

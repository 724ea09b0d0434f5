# `make help` lists the targets. What each does is in scripts/, so that CI, a
# person and another script all run the same thing.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
FUZZTIME ?= 20s

.PHONY: help run build test check bench generate fuzz proto-baseline clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: ## build and start the server on 127.0.0.1:8000 (PORT=9000 for another port, ARGS=… for flags)
	@exec scripts/run $(ARGS)

build: ## bin/patchbay and bin/plugins/patchbay-connector-*
	@scripts/build

test: ## all tests with the race detector; brings up what they need (ARGS="./core/..." for some)
	@scripts/test $(ARGS)

check: ## format, vet, staticcheck, structure, generated code, protocol, go.mod
	@scripts/check $(ARGS)

bench: ## measure, and print a table
	@scripts/bench

generate: ## regenerate what is generated from proto/ and openapi.yaml
	@scripts/generate

fuzz: ## each fuzz test for FUZZTIME (20s)
	@scripts/fuzz $(FUZZTIME)

proto-baseline: ## accept today's protocol as what later ones must stay compatible with
	@scripts/proto-baseline

clean: ## remove what was built
	rm -rf bin

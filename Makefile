# Rekey: the commands. `make run` on a fresh machine does everything that is needed.
.PHONY: instructions help run test watch check prove attack deploy fuzz mutants bench release measure
.DEFAULT_GOAL := help

help: ## lists these
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## sets up what is missing, builds, serves http://127.0.0.1:3000 with demo people; mails at /dev/emails
	@exec .ci/serve

test: ## sets up what is missing and runs everything: format, lints, arrows, both databases, browser (logs in target/test-logs)
	@exec .ci/test

watch: ## builds and starts again while you edit (with cargo-leptos installed the page reloads too)
	@exec .ci/watch

check: ## format, lints and the rules' tests: what to run before a commit
	@exec .ci/check

prove: ## attacks the release build and lets it fall: races, faults, a hostile mail server (QUICK=1: 5 minutes; ONLY=1,2,9)
	@exec .ci/prove $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

attack: ## lets hydra, sqlmap, wapiti, ffuf and slowhttptest at the release build on this machine (logs in target/attack-logs)
	@exec .ci/attack

deploy: ## tries what is in deploy/ with the release build: unit, container's root, alerts, nginx with TLS and ten restarts
	@exec .ci/deploy

fuzz: ## sends parsers, forms, e-mails and Argon2 what a fuzzer makes up, 5 minutes each (FUZZ_SECONDS=60 ONLY=form)
	@exec .ci/fuzz $(ONLY)

mutants: ## changes the code that verifies, consumes and throttles, to see whether the tests notice: nine of ten must be noticed
	@exec .ci/mutants

release: ## builds the program that is handed out, the site inside: target/dist/rekey, its SHA-256, size and start
	@exec .ci/release

instructions: ## counts the instructions of the parts that do not hash (callgrind), and compares them with those that are kept
	@exec .ci/instructions

bench: ## measures the release build: requests a second, CPU, memory, start (ON=sqlite; ONLY=usual,memory,soak,filled; docs/benchmarks)
	@exec .ci/bench $(if $(ONLY),--only $(ONLY)) $(if $(ON),--on $(ON)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(SESSIONS),--sessions $(SESSIONS)) $(if $(EVENTS),--events $(EVENTS))

measure: ## times the first visit on a slow line with a slow processor, and asks Lighthouse
	@exec .ci/measure

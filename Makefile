# Rekey: the commands. `make run` on a fresh machine does everything that is needed.
.PHONY: help run product test watch check prove attack deploy fuzz mutants bench release measure
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build, and serve http://127.0.0.1:3000 with demo accounts and a sample product; e-mails at /dev/emails
	@exec .ci/serve

product: ## serve only the sample product at http://127.0.0.1:3001, whose users sign in at the server of `make run`
	@exec .ci/product

test: ## install what is missing and run all tests: format, lints, dependency rules, both databases, browser (logs: target/test-logs)
	@exec .ci/test

watch: ## rebuild and restart on every change (with cargo-leptos, the page reloads too)
	@exec .ci/watch

check: ## check format, lints and the tests of the account rules; run before each commit
	@exec .ci/check

prove: ## attack and crash the release build: races, faults, a hostile mail server (QUICK=1: 5 minutes; ONLY=1,2,9)
	@exec .ci/prove $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

attack: ## run hydra, sqlmap, wapiti, ffuf and slowhttptest against the release build (logs: target/attack-logs)
	@exec .ci/attack

deploy: ## test deploy/ with the release build: systemd unit, container root, alerts, nginx with TLS and ten restarts
	@exec .ci/deploy

fuzz: ## fuzz parsers, forms, e-mails and Argon2, 5 minutes each (FUZZ_SECONDS=60 ONLY=form)
	@exec .ci/fuzz $(ONLY)

mutants: ## mutate the code that verifies, consumes and throttles; the tests must catch nine of ten mutants
	@exec .ci/mutants

release: ## build the release with the site inside: target/dist/rekey, its SHA-256, size and startup time
	@exec .ci/release

bench: ## benchmark the release build: requests per second, CPU, memory, startup (ON=sqlite; ONLY=usual,memory,filled)
	@exec .ci/bench $(if $(ONLY),--only $(ONLY)) $(if $(ON),--on $(ON)) \
	  $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(SESSIONS),--sessions $(SESSIONS)) $(if $(EVENTS),--events $(EVENTS))

measure: ## measure the first visit on a slow network and CPU, and run Lighthouse
	@exec .ci/measure

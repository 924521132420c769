# The same commands that CI calls. Needs Rust, Python 3.10 or later and make; the rest is installed under target/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

STAGE ?= local
PARAMS ?=
FROM ?=
TO ?=
REDRIVE ?=
FORGET ?=
SENDS ?= 100
MINUTES ?= 5
VUS ?= 50
PROFILE ?= dev
TARGET ?= http_event
SECONDS ?= 60
# If not empty: the short form of bench, faults, load, smoke and contract, at most a minute each.
SHORT ?=
TAGS ?=
CONFIRM ?=
N ?=
SECRETS_KEY ?=
# The folder of the dev profile's output has another name than the profile.
PROFILE_FOLDER = $(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
# The dev build takes the tests along: cargo would otherwise build every dependency twice, once with the features that
# only tests ask for.
WITH_TESTS = $(if $(filter dev,$(PROFILE)),--tests)
# Clippy runs within the build that the tests and the local stack use: `cargo clippy` would compile every dependency once more.
# Clippy switches optimisations off, so no release build uses it.
ifeq ($(PROFILE) $(shell clippy-driver --version >/dev/null 2>&1 && echo yes),dev yes)
export RUSTC_WORKSPACE_WRAPPER := clippy-driver
endif
# libFuzzer is C++. Without a compiler for it, the fuzz targets are built for the tests alone.
WITH_LIBFUZZER := $(if $(shell command -v c++),--features fuzz/libfuzzer)
# In the order of the flow, as in template.yaml.
FUNCTIONS := send cascade rollup cleanup recipients track console catalog campaigns fanout

LOCAL_PYTHON := target/venv/local/bin/python
# The operator's tool. The shell expands the options' values, so that they may contain spaces and quotes.
OPS := $(LOCAL_PYTHON) infra/notifications_ops
SAM_BIN := target/venv/sam/bin
# Last command of each part of a test run, in the shell that began it: prints the seconds of the part.
took = echo "== $(1) took $$SECONDS s"
export N STAGE PARAMS FILE SEGMENT FORMAT ENCODING MODE RATE IDS FROM TO REDRIVE FORGET SENDS MINUTES VUS SHORT TAGS CONFIRM SECRETS_KEY SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build target/venv/local/ready target/venv/sam/ready ## show the main flow on a local stack, step by step
	@$(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) infra/local/run.py

.PHONY: test
test: build target/venv/local/ready target/venv/sam/ready target/venv/load/ready target/venv/faults/ready target/venv/contract/ready ## all tests, including those on a deployed local stack and in a browser
	@SECONDS=0; $(LOCAL_PYTHON) infra/local/run_tests.py; $(call took,tests of the workspace and over the stack)
	@$(MAKE) --no-print-directory bench-and-faults

# Finds broken tools that no test uses. One stack serves all tools except faults, which needs a proxy before its own stack.
.PHONY: quick-tools
quick-tools: build target/venv/local/ready target/venv/sam/ready target/venv/load/ready target/venv/faults/ready target/venv/contract/ready ## short forms of bench, smoke, load, report, redrive, browser, contract and faults
	@SECONDS=0; $(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) infra/local/quick_tools.py; $(call took,quick tools on one stack)
	@$(MAKE) --no-print-directory bench-and-faults

.PHONY: bench-and-faults
bench-and-faults:
	@echo "== bench, short form"
	@SECONDS=0; SHORT=1 python3 tests/benches/bench.py; $(call took,bench)
	@echo "== faults, short form"
	@SECONDS=0; SHORT=1 $(LOCAL_PYTHON) infra/local/run_faults.py; $(call took,faults)

.PHONY: faults
faults: build target/venv/local/ready target/venv/sam/ready target/venv/faults/ready ## faults of AWS between the functions and a local stack, with a table of results (CASES="ses resets")
	@$(LOCAL_PYTHON) infra/local/run_faults.py $(CASES)

.PHONY: browser
browser: build target/venv/local/ready target/venv/sam/ready ## the client scripts in a headless Chromium, if it is installed, and the preference page in Firefox too, over a local stack
	@$(LOCAL_PYTHON) tests/browser/types/check.py
	@code=0; $(LOCAL_PYTHON) tests/browser/chromium.py || code=$$?; \
	if [ $$code = 0 ]; then \
	  echo "== client scripts in a browser"; \
	  $(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) tests/browser/run.py; \
	elif [ $$code != 3 ]; then \
	  exit $$code; \
	fi

.PHONY: pictures
pictures: build target/venv/local/ready target/venv/sam/ready ## retake the pictures of docs/console.md, after the exercises of docs/training.md (Chromium)
	@CHAPTERS=training $(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) tests/browser/run.py
	@mkdir -p docs/pictures && cp target/console/docs/*.webp docs/pictures/
	@ls docs/pictures

.PHONY: contract
contract: build target/venv/local/ready target/venv/sam/ready target/venv/contract/ready ## requests generated from docs/openapi.yaml on a local stack, with Schemathesis
	@$(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) tests/contract/run.py

.PHONY: load
load: build target/venv/local/ready target/venv/sam/ready target/venv/load/ready ## 50 concurrent callers on a local stack for MINUTES, with k6 (PROFILE=release for optimised functions)
	@$(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) tests/load/run.py

.PHONY: campaign
campaign: build target/venv/local/ready target/venv/sam/ready ## a campaign to N people on a local stack, with a pause on the way and single sends beside it (N=20000 RATE=100)
	@$(LOCAL_PYTHON) infra/local/with_stack.py $(LOCAL_PYTHON) infra/local/campaign.py

.PHONY: simulate
simulate: ## a campaign to N people by the reconciler's own code: tasks, reads, writes, time and USD at given limits (N=1000000)
	@cargo bench --workspace --profile dev --locked --bench simulate

.PHONY: init
init: target/venv/local/ready ## create the SSM parameters and keys of STAGE once (SECRETS_KEY=<key ARN>)
	@$(OPS) init --stage "$$STAGE" --secrets-key "$$SECRETS_KEY"

.PHONY: up
up: build target/venv/local/ready target/venv/sam/ready ## start a local stack and the example site of docs/browser.md, and leave them running (PARAMS="Key=value", LOCAL_PORT=4566)
	@$(LOCAL_PYTHON) infra/local/up.py

.PHONY: down
down: ## stop the local stack
	@python3 infra/local/down.py

.PHONY: logs
logs: target/venv/local/ready ## logs of the local functions (FUNCTION=Send for one of them)
	@$(LOCAL_PYTHON) infra/local/logs.py

.PHONY: smoke
smoke: target/venv/local/ready ## check a deployed stage with 100 e-mails to SES's simulator, or local pushes (SENDS=0 sends nothing)
	@$(OPS) smoke --stage "$$STAGE" --sends "$(if $(SHORT),20,$(SENDS))"

.PHONY: import
import: target/venv/local/ready ## check a FILE of recipients (FORMAT=csv, jsonl or pinpoint); APPLY=yes imports it
	@$(OPS) import --stage "$$STAGE" --file "$$FILE" --format "$$FORMAT" --encoding "$${ENCODING:-utf-8}" --mode "$${MODE:-upsert}" \
	  --rate "$${RATE:-500}" --ids "$${IDS:-user}" $(if $(filter yes,$(APPLY)),--apply)

.PHONY: export
export: target/venv/local/ready ## export the people of a SEGMENT into target/export (FORMAT=jsonl or csv)
	@$(OPS) export --stage "$$STAGE" --segment "$$SEGMENT" --format "$$FORMAT" --file "$$FILE"

.PHONY: report
report: target/venv/local/ready ## write the weekly report into target/report (FROM=, TO= for another window)
	@$(OPS) report --stage "$$STAGE" --from "$$FROM" --to "$$TO"

.PHONY: redrive
redrive: target/venv/local/ready ## list the stream's failure queue (REDRIVE=yes counts its records again)
	@$(OPS) redrive --stage "$$STAGE" $(if $(filter yes,$(REDRIVE)),--apply) $(if $(filter yes,$(FORGET)),--forget)

.PHONY: sms-receipts
sms-receipts: target/venv/local/ready ## subscribe a stage to the delivery logs of SMS (again after the first SMS)
	@$(OPS) sms-receipts --stage "$$STAGE"

.PHONY: adopt
adopt: target/venv/local/ready target/venv/build/ready ## import existing tables and the user pool into the data stack of STAGE (PARAMS="RecipientsTable=..." by name)
	@PATH="$(CURDIR)/$(SAM_BIN):$$PATH" $(OPS) adopt --stage "$$STAGE" --params "$$PARAMS" --tags "$$TAGS" --confirm "$$CONFIRM"

.PHONY: build
build: ## build the functions into target/lambda (PROFILE=release for optimised ones)
	@echo "== build ($(PROFILE))"
	@SECONDS=0; cargo build --workspace --bins $(WITH_TESTS) --locked --profile $(PROFILE); $(call took,build)
	@for name in $(FUNCTIONS); do \
	  mkdir -p target/lambda/$$name && \
	  install -m 755 target/$(PROFILE_FOLDER)/$$name target/lambda/$$name/bootstrap; \
	done
	@echo "target/lambda: $(FUNCTIONS)"

.PHONY: lint
lint: target/venv/sam/ready ## format, clippy, source rules, fuzz targets, types of the contract, template, licences and advisories
	@echo "== format"
	cargo fmt --all --check
	@echo "== source rules"
	@python3 tests/lint/source_rules.py
	@echo "== clippy, within the build that the tests use"
	@if [ -z "$$RUSTC_WORKSPACE_WRAPPER" ]; then echo "clippy is not installed: rustup component add clippy"; exit 1; fi
	@mkdir -p target
	@SECONDS=0; cargo build --color never --workspace --bins --tests --benches --locked $(WITH_LIBFUZZER) 2>&1 | tee target/clippy.log; $(call took,clippy and build)
	@if grep -q '^warning' target/clippy.log; then echo "FAILED: every warning is an error here"; exit 1; fi
	@echo "== libFuzzer's binary runs"
	@if [ -n "$(WITH_LIBFUZZER)" ]; then \
	  FUZZ_TARGET=percentage target/debug/libfuzzer -runs=100 tests/fuzz/corpus/percentage 2>&1 | grep 'Done 100 runs'; \
	else \
	  echo "skipped: no C++ compiler is installed (Debian: apt-get install g++)"; \
	fi
	@echo "== TypeScript types of the contract and of the client scripts"
	@$(MAKE) --no-print-directory types
	@echo "== template"
	$(SAM_BIN)/sam validate --lint --template template.yaml --region eu-west-1
	$(SAM_BIN)/cfn-lint template.yaml infra/data.yaml infra/alarms.yaml infra/dashboard.yaml
	@echo "== licences and advisories"
	@if ! cargo deny --version >/dev/null 2>&1; then \
	  echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)"; \
	elif cargo deny fetch db 2>/dev/null; then \
	  cargo deny --locked check; \
	else \
	  echo "skipped: advisories, because their list cannot be fetched"; \
	  cargo deny --locked check bans licenses sources; \
	fi

.PHONY: bench
bench: ## measure sealing, write units and starts, and write the tables into docs/benchmarks.md (SHORT=1 only checks that the benchmarks run)
	@env -u RUSTC_WORKSPACE_WRAPPER python3 tests/benches/bench.py

.PHONY: fuzz
fuzz: ## fuzz one TARGET of tests/fuzz for SECONDS (a nightly compiler, cargo install --locked cargo-fuzz)
	@mkdir -p target/fuzz/corpus/$(TARGET)
	cd tests/fuzz && env -u RUSTC_WORKSPACE_WRAPPER $(FUZZ_PROFILE) FUZZ_TARGET=$(TARGET) \
	  cargo +nightly fuzz run --fuzz-dir . --features libfuzzer --sanitizer none --codegen-units 16 --target-dir $(CURDIR)/target/fuzz \
	  libfuzzer $(CURDIR)/target/fuzz/corpus/$(TARGET) corpus/$(TARGET) -- \
	  -dict=dictionaries/$(TARGET).dict -max_total_time=$(SECONDS) -max_len=$(MAX_FUZZ_BYTES) -timeout=60 -print_final_stats=1
# A source of a template has up to 64 KiB: a deep one exhausts the stack only near that size.
MAX_FUZZ_BYTES = $(if $(filter template,$(TARGET)),80000,8192)
# Quicker to build than what is deployed, and with the names that a stack trace needs.
FUZZ_PROFILE := CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=2 CARGO_PROFILE_RELEASE_STRIP=none

.PHONY: types
types: ## TypeScript types of the contract in target/types, and of the client scripts, type-checked with samples (npm)
	@if ! command -v npm >/dev/null; then echo "not checked: types of the contract and of the client scripts, because npm is not installed (Debian: apt-get install nodejs npm)"; exit 0; fi; \
	mkdir -p target/types && cp tests/types/package.json tests/types/package-lock.json target/types/ && \
	if ! npm ci --prefix target/types --no-audit --no-fund --loglevel=error --fetch-retries=1 >target/types/npm.log 2>&1; then \
	  cat target/types/npm.log; \
	  if grep -qE 'code (EUSAGE|EINTEGRITY|EJSONPARSE|ETARGET)' target/types/npm.log; then exit 1; fi; \
	  echo "not checked: types of the contract and of the client scripts, because npm cannot install TypeScript"; exit 0; \
	fi && \
	target/types/node_modules/.bin/openapi-typescript docs/openapi.yaml --output target/types/openapi.d.ts && \
	target/types/node_modules/.bin/tsc --project tests/types && \
	echo "the types of the contract are correct" && \
	python3 tests/browser/types/check.py

.PHONY: deploy
deploy: target/venv/local/ready target/venv/build/ready ## build and deploy to real AWS (STAGE=staging or prod, CONFIRM=no, TAGS="key=value")
	@env -u RUSTC_WORKSPACE_WRAPPER PATH="$(CURDIR)/$(SAM_BIN):$$PATH" $(OPS) deploy --stage "$$STAGE" --params "$$PARAMS" --tags "$$TAGS" --confirm "$$CONFIRM"

.PHONY: clean
clean: ## stop every local stack and remove all build results
	@python3 infra/local/down.py all
	cargo clean
	rm -rf .aws-sam

# The local AWS and the SAM CLI pin different versions of one library, so each has its own environment.
target/venv/local/ready: infra/local/requirements.txt
target/venv/sam/ready: infra/requirements-sam.txt
target/venv/faults/ready: infra/local/requirements-faults.txt
target/venv/load/ready: tests/load/requirements.txt
target/venv/contract/ready: infra/local/requirements-contract.txt
target/venv/%/ready:
	@echo "== installing $< into $(@D)"
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed")'
	@python3 -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# cargo-lambda and zig are in the same environment as the SAM CLI, which searches its path for them.
target/venv/build/ready: infra/requirements-build.txt target/venv/sam/ready
	@echo "== installing $< into target/venv/sam"
	@target/venv/sam/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@mkdir -p $(@D) && touch $@

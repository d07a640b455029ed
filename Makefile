# `make demo` and `make test` both work as the first command on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
EXTRAS := dev,trl,gym,gguf,ray,track
RUN    ?= runs/quickstart

.PHONY: help venv demo demo-trl demo-llm test fuzz venv-verl test-verl gpu-check gpu-pack check format docs clean browser

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: $(READY)  ## create .venv and install leadline into it, with the versions that the tests run with
$(READY): pyproject.toml constraints.txt
	@echo "== creating $(VENV) and installing leadline with its dependencies (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: venv  ## two and a half minutes on two idle cores: a small model learns to reason; GRPO and GRPO-LEAD side by side
	@$(BIN)/leadline run quickstart --out $(RUN) $(if $(wildcard $(RUN)/environment.json),--resume,)

demo-trl: venv  ## the four stages through TRL, from the model that the demo saved (makes it first where there is none)
	@test -d $(RUN)/checkpoints/sft/step-000400 || $(BIN)/leadline run quickstart --out $(RUN) $(if $(wildcard $(RUN)/environment.json),--resume,)
	@$(BIN)/leadline run trl-demo --model $(RUN)/checkpoints/sft/step-000400 --out runs/trl-demo $(if $(wildcard runs/trl-demo/environment.json),--resume,)

LLM       ?= models/smollm2-135m
LLM_TASKS := copy a number,small sums,2-digit sums,GSM8K
LLM_SIZE  := $(if $(QUICK),--steps 10 --problems 24 --set rl.prompts=8,--steps 20 --problems 48)

demo-llm: venv  ## a real language model: fetched, probed on families of problems, trained where there is a signal (QUICK=1: shorter)
	@test -d $(LLM) || $(BIN)/leadline model fetch smollm2-135m --out $(LLM)
	@$(BIN)/python benchmarks/probe_on_llm.py --model $(LLM) --out runs/demo-llm$(if $(QUICK),-quick,) --only "$(LLM_TASKS)" \
	  --skip-hopeless --jobs 1 --threads 2 $(LLM_SIZE) --html runs/demo-llm$(if $(QUICK),-quick,)/report.html

test: venv browser check  ## everything that is checked: style, types, tests
	@echo "== tests"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# verl has an environment of its own: it pins transformers, and its extras a CUDA build of torch. All but torch is
# installed without dependencies, because constraints-verl.txt names every one of them.
VERL := .venv-verl

venv-verl: $(VERL)/.ready  ## create .venv-verl: leadline beside the real verl, on the CPU
$(VERL)/.ready: pyproject.toml constraints-verl.txt
	@echo "== creating $(VERL) and installing verl (about two gigabytes)"
	@test -x $(VERL)/bin/python || $(PYTHON) -m venv $(VERL)
	@$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints-verl.txt)"
	@$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement constraints-verl.txt
	@$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

test-verl: venv-verl  ## contract tests against the real verl, and two steps of its own main_ppo on the CPU
	@echo "== tests with verl"
	@OMP_NUM_THREADS=1 $(VERL)/bin/python -m pytest tests/beside_verl

gpu-check:  ## what the GPU paths give on this machine, one JSON line a figure (DEVICE=cpu checks the kit itself)
	@benchmarks/gpu/check.sh --device $(or $(DEVICE),cuda) $(if $(MODEL),--model $(MODEL))

gpu-pack:  ## gather in .gpu-pack what a GPU machine without a network lacks (MODEL=FILE.gguf takes a model along)
	@benchmarks/gpu/pack.sh $(if $(MODEL),--model $(MODEL))

fuzz: venv  ## hostile inputs at random for every reader, for FUZZ_SECONDS (120)
	@$(BIN)/python benchmarks/fuzz.py

check: venv  ## style and types
	@echo "== style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== types"
	@$(BIN)/mypy

format: venv  ## put the code into the house's format
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# The report's tests look at it in a real browser. Continuous integration must have one; elsewhere they skip visibly.
browser:
	@if [ "$$CI" = true ] && ! command -v chromium >/dev/null; then \
	  echo "== installing chromium"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver >/dev/null; fi

docs: venv  ## write the generated parts of docs/ anew
	@$(BIN)/typer leadline.cli.main utils docs --name leadline --title "Command line" --output docs/cli.md >/dev/null

clean:  ## remove the environment and every cache; runs stay
	rm -rf $(VENV) $(VERL) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

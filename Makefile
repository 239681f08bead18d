# run:  everything on this machine, set-up included     test:  all checks
# install: the set-up alone, into .venv
# lint: the quick checks                                lock:  pin the dependencies anew
# bench: how fast it is, beside other ways              bench-growth: and with SCALE million sends
# bench-reads: how fast it answers then (part of bench-growth)
# bench-drain: how fast what was spooled comes in      bench-sizes: how large the tables become
# bench-storm: what a storm on one point costs the others
# bench-capacity: how large a machine has to be (tables of docs/capacity.md)
# faults: nothing is lost, whatever fails: at length, with a table (the short form is part of test)
# soak: all fates of messages, through gateway and sandbox, for ten minutes
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := PYTHONUNBUFFERED=1 $(BIN)/python -m pip --disable-pip-version-check install
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/uv/bin/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate pyproject.toml

.PHONY: run test lint bench bench-growth bench-reads bench-drain bench-storm bench-sizes \
	bench-capacity install faults soak lock clean

# exec: signals reach Receiver itself, no shell stands between.
run: $(RUN_STAMP)
	@exec $(BIN)/receiver run

install: $(RUN_STAMP)

test: lint
	@exec $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(DEV_STAMP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# ROUNDS, SECONDS (of each visit), CONNECTIONS and WORKERS may be given.
bench: $(RUN_STAMP)
	@exec $(BIN)/python -m bench ingest $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(CONNECTIONS),--connections $(CONNECTIONS)) \
		$(if $(WORKERS),--workers $(WORKERS))

# The data go to a temporary folder, under TMPDIR where that is set.
bench-growth: $(RUN_STAMP)
	@exec $(BIN)/python -m bench growth $(if $(SCALE),--scale $(SCALE)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

bench-reads: $(RUN_STAMP)
	@exec $(BIN)/python -m bench growth --only reads $(if $(SCALE),--scale $(SCALE)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

bench-drain: $(RUN_STAMP)
	@exec $(BIN)/python -m bench drain

bench-storm: $(RUN_STAMP)
	@exec $(BIN)/python -m bench storm $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS))

bench-sizes: $(RUN_STAMP)
	@exec $(BIN)/python -m bench sizes

bench-capacity: $(RUN_STAMP)
	@exec $(BIN)/python -m bench capacity $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SECONDS),--seconds $(SECONDS))

# As root it also mounts small disks, to fill them. The table goes to build/faults.md and .json, too.
faults: $(DEV_STAMP)
	@RECEIVER_TEST_FAULTS=long exec $(BIN)/python -m pytest tests/faults

# Ten minutes of all that messages can meet, with restarts: the short form is part of test.
soak: $(DEV_STAMP)
	@RECEIVER_TEST_SOAK=long exec $(BIN)/python -m pytest tests/soak

lock: $(VENV)/uv/bin/uv
	$(COMPILE) -o requirements/base.txt
	$(COMPILE) requirements/build.in --extra embedded -c requirements/base.txt \
		-o requirements/run.txt
	$(COMPILE) requirements/build.in --extra embedded --extra dev -c requirements/run.txt \
		-o requirements/dev.txt

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# Half an installation can look like a whole one to pip: where one was cut short, begin anew.
define install
	@test ! -e $(VENV)/.installing || $(PYTHON) -m venv --clear $(VENV)
	@touch $(VENV)/.made $(VENV)/.installing
	@{ $(PIP) $(1) && rm $(VENV)/.installing; } | sed -n \
		-e 's/^Collecting \([^ ;]*\).*/  \1/p' -e 's,^Processing [^ ]*/\([^ /;]*\).*,  \1,p'; \
		test ! -e $(VENV)/.installing
endef

$(RUN_STAMP): requirements/run.txt pyproject.toml | $(VENV)/.made
	@echo "Installing what Receiver needs (about 40 MB):"
	$(call install,--require-hashes -r requirements/run.txt)
	@echo "Installing Receiver itself"
	$(call install,--no-deps --no-build-isolation -e .)
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	@echo "Installing what the tests need (about 60 MB):"
	$(call install,--require-hashes -r requirements/dev.txt)
	@touch $@

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: no $(PYTHON) here: install Python 3.11 or newer, or name it: make PYTHON=..." >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $$($(PYTHON) -V) is too old: install 3.11 or newer: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv module: install it (Debian: apt install python3-venv)" >&2; \
		exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) -V)..."
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/uv/bin/uv: | $(VENV)/.made
	@$(BIN)/python -m venv --clear $(VENV)/uv
	@$(VENV)/uv/bin/python -m pip --disable-pip-version-check install --quiet uv

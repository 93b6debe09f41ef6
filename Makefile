# Needs Python 3.11 and make, nothing else. `make run` and `make test` set up .venv by themselves.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
READY := $(VENV)/ready
TESTS ?=
# A part of the bench and its sizes, as in `make bench PART=imports SIZES="--products 20000"`; none: all of it.
PART ?=
SIZES ?=
# Processes that share the tests, twice the cores of a small machine, because many tests wait;
# `make test PROCESSES=0` runs them in one, as a debugger needs it.
PROCESSES ?= 4

.PHONY: run test lint bench clean

run: $(READY)  ## start the server in ./demo-home, with an account to try it
	@$(VENV)/bin/ftpdock --home demo-home serve --demo --host 127.0.0.1

# With compiled modules kept, as installed ones are: the tests start hundreds of processes that would compile all anew.
test: $(READY)  ## every test; `make test TESTS=tests/commands` runs some
	PYTHONDONTWRITEBYTECODE= $(VENV)/bin/pytest -n $(PROCESSES) --dist worksteal $(TESTS)

lint: $(READY)  ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .

bench: $(READY)  ## measure beside limits and rivals, for hours; `make bench PART=latency` takes a minute
	$(VENV)/bin/python -m bench $(PART) $(SIZES)

clean:  ## take away what was set up; demo-home stays, it holds data
	rm -rf $(VENV) .bench build dist ftpdock.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

# make run    one environment, then the whole job on the sample city into outputs/
# make test   the same environment with the test extras: ruff, mypy, pytest with doctests
# make system Debian packages that the full tests want (as root)
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run test lint system sample fuzz gallery clean

run: .venv/run
	$(BIN)/qzrisk run project.toml --out outputs

test: .venv/test lint
	@test -x /usr/bin/chromium || echo "browser tests are skipped: no chromium (make system installs it)"
	$(BIN)/python -m pytest -n 2

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/mypy

sample: .venv/test
	$(BIN)/python scripts/build_sample.py --seed 2021 --out data

fuzz: .venv/test
	QZRISK_FUZZ=2000 $(BIN)/python -m pytest -q -k fuzzed tests/test_tables.py tests/test_vectors.py tests/test_bad_input.py tests/test_messy_files.py

gallery: run
	$(BIN)/python scripts/build_gallery.py --maps outputs/maps --out docs/gallery

system:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium poppler-utils

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable .
	touch $@

.venv/test: .venv/run
	$(PIP) --editable '.[test]'
	touch $@

clean:
	rm -rf .venv outputs

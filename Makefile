# Two commands on a fresh machine: `make demo` and `make test`. They need Python 3.11, pip and make.
UV := .tools/bin/uv
FIGURES ?= figures.json
PICTURE ?= figures.svg
MINUTES ?= 0
CUTS ?= 200
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
MEMBERS := $(wildcard sdk/pyproject.toml core/pyproject.toml plugins/*/*/pyproject.toml)

.PHONY: demo test powercut setup lint bench bench-deidentify study soak fuzz fuzz-setup plot plot-setup docs wheels pins

demo: setup
	.venv/bin/hilum demo $(ARGS)

test: setup
	.venv/bin/python -m pytest $(ARGS)

# Cuts the power of a real router on ext4, xfs and btrfs, CUTS times each and for MINUTES each; by root.
powercut: setup
	PYTHONPATH=tests/power .venv/bin/python -m powercuts --cuts $(CUTS) --minutes $(MINUTES) $(ARGS)

setup: .venv/.stamp

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup
	sh bench/install.sh
	.venv/bin/python -m bench $(ARGS)

# Identifiers planted in every real object of the test data; Hilum and other engines, each in an environment of its own.
bench-deidentify: setup
	.venv/bin/python -m bench.deidentify $(ARGS)

# 20,000 objects of one study, de-identified by two routers with one secret and by one with another.
study: setup
	.venv/bin/python -m bench.deidentify.study $(ARGS)

# A router under load whose processes die at random, and at the end all is compared.
soak: setup
	.venv/bin/python -m soak --minutes $(or $(filter-out 0,$(MINUTES)),20) $(ARGS)

# Bytes that are no DICOM for every surface that reads bytes of others, MINUTES for each.
fuzz: fuzz-setup
	.tools/fuzz/bin/python -m fuzz --minutes $(or $(filter-out 0,$(MINUTES)),5) $(ARGS)

fuzz-setup: $(UV)
	UV_PROJECT_ENVIRONMENT=.tools/fuzz $(UV) sync -q --all-packages --group fuzz

# Draws what `make bench ARGS="--json figures.json"` measured.
plot: plot-setup
	.tools/plot/bin/python -m bench.plot $(FIGURES) $(PICTURE)

plot-setup: $(UV)
	UV_PROJECT_ENVIRONMENT=.tools/plot $(UV) sync -q --all-packages --group bench

docs: setup
	$(UV) sync -q --all-packages --group docs
	.venv/bin/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

wheels: $(UV)
	$(UV) build -q --all-packages --wheel --out-dir dist

pins: $(UV)
	$(UV) export -q --all-packages --all-groups --no-emit-workspace --no-hashes --no-annotate --no-header

.venv/.stamp: pyproject.toml $(MEMBERS) | $(UV)
	$(UV) sync -q --all-packages
	touch $@

$(UV):
	python3 -m pip install -q --disable-pip-version-check --target .tools uv

# Everything runs in .venv, which the first target makes. Needs make and Python 3.10, 3.11 or 3.12; another interpreter
# is chosen with `make PYTHON=python3.12 ...`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STAMP := $(VENV)/installed
LABEL := .venv-label

.PHONY: demo test test-slow lint audit format label test-label clean

demo: $(STAMP)
	$(BIN)/nlseg demo

test: $(STAMP)
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is known of the installed versions stands on pypi.org.
audit: $(STAMP)
	@$(BIN)/python -c 'import urllib.request; urllib.request.urlopen("https://pypi.org/pypi/pip/json", timeout=10)' \
	2>/dev/null || { echo "make audit asks pypi.org for advisories and needs a network: run it where there is one."; exit 1; }
	@$(PIP) install -c constraints.txt -e '.[audit]'
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml monai_nlseg
	$(BIN)/pip-audit --skip-editable

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs/reference/commands.md: $(STAMP) $(wildcard monai_nlseg/cli/*.py)
	$(BIN)/typer monai_nlseg.cli utils docs --name nlseg --title Commands --output $@

docs/reference/experiments-schema.md: $(STAMP) $(wildcard monai_nlseg/experiments/schema/*.py)
	$(BIN)/python -m monai_nlseg.experiments.schema.page > $@

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 12) else \
	"$(PYTHON) is Python %d.%d: give one of 3.10 to 3.12, as in: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e '.[dev]'
# PyPI's torchvision is built for CUDA and does not import beside a CPU build of torch. The Python parts and models of
# 0.16.2, the last that imports without its compiled operators, do; `pip check` names the mismatch, which is meant.
# Python 3.12 has no 0.16.2: a torchvision that raises is worse than none, and the tests that need it are skipped.
	@$(BIN)/python -c 'import torchvision' 2>/dev/null \
	|| $(PIP) install --no-deps torchvision==0.16.2 2>/dev/null \
	|| $(PIP) uninstall --yes torchvision
	@touch $@

# MONAI Label needs numpy < 2, so an environment of its own. PIP_CONSTRAINT also reaches the builds of its dependencies:
# without it sam2's fetches gigabytes of another torch. dcmqi writes DICOM SEG, for studies on a DICOMweb server.
label: $(LABEL)/installed

test-label: $(LABEL)/installed
	OMP_WAIT_POLICY=passive $(LABEL)/bin/python -m pytest tests/label

$(LABEL)/installed: pyproject.toml label-constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 11) else \
	"MONAI Label 0.8.5 imports distutils, which $(PYTHON) (Python %d.%d) lacks: make PYTHON=python3.11 label" % v)'
	$(PYTHON) -m venv $(LABEL)
	PIP_CONSTRAINT=$(abspath label-constraints.txt) $(LABEL)/bin/python -m pip --quiet --disable-pip-version-check \
	install -e '.[train,encoders]' monailabel dcmqi pytest hypothesis
# As above: MONAI Label imports torchvision, of which its models are not used.
	@$(LABEL)/bin/python -c 'import torchvision' 2>/dev/null \
	|| $(LABEL)/bin/python -m pip --quiet --disable-pip-version-check install --no-deps torchvision==0.16.2
	@touch $@

clean:
	rm -rf $(VENV) $(LABEL) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

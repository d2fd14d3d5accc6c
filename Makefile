# The only interface to building, running and testing. `make help` lists the targets.

PROGRAM := .build/release/kinesis-sidecar
SWIFT_SOURCES := Package.swift Sources Tests $(wildcard Fuzz Benchmarks)
PYTHON := .venv/bin/python
# What `make run` gives to the program beside --local, e.g. ARGS="--listen 127.0.0.1:9000".
ARGS ?=
# Seconds that `make fuzz` gives to each of its programs.
FUZZ_SECONDS ?= 20
# How many seeds `make soak` checks, of a sidecar alone and of a group of them, polling and pushed to each, with plain
# records and with formats mixed, and of record processors, and the first of them (Tests/Checker/README.md).
SEEDS ?= 10
SEED ?= 1
# The lines that `make bench` takes, e.g. LINES="latency puts"; all of them without it (Benchmarks/run.py).
LINES ?=

# Where `make image`, and where `make deb` and `make dist` leave what they make.
IMAGE := .build/image
DIST := .build/dist

# What `make soak` consists of: -pushed is enhanced fan-out, -formats has aggregated, compressed and S3 records.
SOAKS := $(foreach way,soak-alone soak-groups,$(way) $(way)-pushed $(way)-formats $(way)-pushed-formats) soak-multilang

.PHONY: help run build test check check-source check-descriptors check-program swift-test e2e soak $(SOAKS) sanitize \
	check-clients examples site check-deploy image deb dist bench fuzz format clean setup

help:
	@echo 'make run      build and start with the embedded Kinesis; data under ./data'
	@echo 'make build    the release program: $(PROGRAM)'
	@echo 'make test     every test of the program; CI runs this, examples, site and check-deploy'
	@echo 'make check    format, imports, what is linked'
	@echo 'make soak     the checker with SEEDS=$(SEEDS), alone, in groups, of record processors, pushed to, formats mixed: nothing lost'
	@echo 'make soak-alone, soak-groups; with -pushed, -formats, -pushed-formats behind it; soak-multilang   one of the nine'
	@echo 'make sanitize the Swift tests under the thread and the address sanitizer'
	@echo 'make check-clients   generated clients of other languages'
	@echo 'make examples the services of examples/ against the program, in the languages that this machine has'
	@echo 'make site     the pages of docs/ as a site with search: .build-site/site'
	@echo 'make check-deploy   deploy/, the image, the packages, each by its own tool; installs what that takes'
	@echo 'make image    an OCI image under $(IMAGE), without Docker'
	@echo 'make deb, make dist   a Debian package, and the archive of a release, under $(DIST)'
	@echo 'make bench    figures against their targets'
	@echo 'make fuzz     every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS) s'
	@echo 'make format   lay the source out'
	@echo 'make clean    remove what was built'

run: build
	$(PROGRAM) --local --data-dir ./data $(ARGS)

setup:
	@Scripts/setup

build: setup
	swift build -c release --static-swift-stdlib --product kinesis-sidecar

test: setup
	@Scripts/setup tests
	$(MAKE) --no-print-directory check
	$(MAKE) --no-print-directory swift-test
	$(MAKE) --no-print-directory e2e

check: check-source check-descriptors check-program

check-source:
	swift format lint --strict --recursive --parallel $(SWIFT_SOURCES)
	Scripts/check-imports
	Scripts/version --check

# What makes them is in the environment of the end-to-end tests.
check-descriptors:
	@Scripts/setup tests
	$(PYTHON) Scripts/descriptors --check

check-program: build
	Scripts/check-program $(PROGRAM)

# Compiling has its own time; the tests have 5 minutes, of which they need a fraction.
swift-test:
	swift build --build-tests
	Scripts/watchdog 480 swift test --skip-build

# Four at a time: most of them wait for something most of the time.
e2e: build
	cd Tests/EndToEnd && ../../$(PYTHON) -m pytest -n 4 --dist worksteal

soak: $(SOAKS)

$(SOAKS): build
	@Scripts/setup tests
	$(PYTHON) Tests/Checker $(if $(findstring groups,$@),--groups) $(if $(findstring multilang,$@),--multilang) $(if $(findstring pushed,$@),--fan-out) $(if $(findstring formats,$@),--formats) --seed $(SEED) --seeds $(SEEDS)

# Each sanitizer has a build of its own: .build-thread, .build-address. A test takes several times as long there, so one
# runs after the other: side by side they would run into their own time limits. Leaks are not looked for: a test that ends
# its loop leaves the tasks that wait there.
sanitize: setup $(addprefix sanitize-,thread address)

sanitize-%:
	swift build --build-tests --sanitize=$* --scratch-path .build-$*
	TSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/tsan-suppressions.txt ASAN_OPTIONS=detect_leaks=0 \
	Scripts/watchdog 1800 swift test --skip-build --no-parallel --sanitize=$* --scratch-path .build-$*

check-clients:
	Scripts/check-clients

# Installs languages of which a user of the sidecar needs one at most. What cannot be had is skipped by name.
examples: build
	@Scripts/setup tests
	@Scripts/setup examples || echo 'The examples in what is missing are skipped.'
	cd Tests/Examples && $(CURDIR)/$(PYTHON) -m pytest -n 2 --dist worksteal

# A link that leads nowhere fails it. The variable keeps an announcement of its maker's out of the output.
site:
	@Scripts/setup site
	NO_MKDOCS_2_WARNING=1 .venv/site/bin/mkdocs build --quiet --strict
	@echo 'The site is in .build-site/site; to look at it: python3 -m http.server --directory .build-site/site'

check-deploy: build
	@Scripts/setup tests deploy
	cd Tests/Deploy && ../../$(PYTHON) -m pytest -n 2 --dist loadfile

image: build
	@Scripts/setup image
	Scripts/image $(IMAGE)

deb: build
	@Scripts/setup package
	Scripts/deb $(DIST)

dist: build
	@Scripts/setup package
	Scripts/dist $(DIST)

bench: build
	@Scripts/setup tests bench
	$(PYTHON) Benchmarks/run.py $(LINES)

fuzz: setup
	Scripts/fuzz $(FUZZ_SECONDS)

format:
	swift format --in-place --recursive --parallel $(SWIFT_SOURCES)

clean:
	rm -rf .build .build-site .build-fuzz .build-thread .build-address .venv

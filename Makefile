# The front door. Everything real is in CMake; these are the words a newcomer types.
#
#   make demo    install what is missing, build, run two nodes, the chat and a federation to their ends
#   make test    the same for the whole test suite (about 30 minutes on 2 cores)
#   make bench   every headline figure; ONLY=dag_ for those whose names begin so
#   make         build the release binary at build/pando

.PHONY: all build deps demo test bench install clean

all: build

deps:
	@tools/deps

build: deps
	@cmake --preset release >/dev/null
	@cmake --build --preset release
	@ln -sf release/apps/pando/pando build/pando

demo: build
	@build/pando demo two-node
	@build/pando demo chat
	@build/pando demo federation-simple

test: deps
	@tests/run

bench: build
	@bench/run $(ONLY)

PREFIX ?= /usr/local
install: build
	@cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build

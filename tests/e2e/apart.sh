#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# apart.sh [--cases GLOB] COMMAND...: runs a test with a machine of its own, which is stopped at the end; of its cases those that match
# GLOB, unless others are asked for (./pl-test FILTER CASES).
if [ "$1" = --cases ]; then
  export CRITERION_TEST_PATTERN="${CRITERION_TEST_PATTERN-$2}"
  shift 2
fi
PENGLAI_RUNTIME_DIR=$(mktemp -d /tmp/pl-apart-XXXXXX)
export PENGLAI_RUNTIME_DIR
trap '"$(dirname "$0")/../../build/bin/pl-machine" stop --force >/dev/null 2>&1; rm -rf "$PENGLAI_RUNTIME_DIR"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
"$@"

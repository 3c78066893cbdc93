# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2154
#
# Sourced by build-*.sh, which set `build` and `cache`: what is built of a suite is kept in the cache under a digest of all that goes into it.

compiler=$build/bin/pl-cc

# must_build SUITE FILE...: `kept` is the directory of what these files, the compiler and its sysroot make. Succeeds if that is not there
# yet: then it is to be made at `partial`, under a lock that this shell holds until it ends, and keep() is called.
must_build() {
  suite=$1
  shift
  # The sysroot's own place is named by what it is made of.
  kept=$cache/conformance/$suite-$({
    cat "$@" "$(readlink -f "$compiler")"
    readlink -f "$build/sysroot"
    clang-19 --version
  } | sha256sum | cut -c1-16)
  partial=$kept.partial
  if [ ! -d "$kept" ]; then
    mkdir -p "$cache/conformance"
    exec 9>"$kept.lock"
    flock 9
  fi
  if [ -d "$kept" ]; then
    touch "$kept" # in use
    return 1
  fi
  # A partial tree of the same key is carried on with.
  mkdir -p "$partial"
}

# It is whole. What of the suite nobody has used for a week goes.
keep() {
  mv "$partial" "$kept"
  touch "$kept"
  find "$cache/conformance" -maxdepth 1 -name "$suite-*" -mtime +7 -exec rm -rf {} +
}

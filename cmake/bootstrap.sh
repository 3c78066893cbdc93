# SPDX-License-Identifier: BSD-2-Clause
#
# From a bare checkout to a built tree; sourced by ../pl-run and ../pl-test, which set $root to the checkout.
#
#   bootstrap run|test   installs what packages.txt names, configures, builds; returns 1 after saying why it could not
#
# Everything said here goes to standard error: standard output belongs to the program that is run. What is built is built by
# ninja, which carries on where a killed build stopped; what is fetched or built outside the tree is made under another name and
# renamed when it is whole.

build=$root/build
logs=$build/log
: "${PL_CACHE:=$HOME/.cache/penglai}"
export PL_CACHE

say() { printf 'penglai: %s\n' "$*" >&2; }

# step NAME COMMAND...: one line on the terminal while it runs (not at all if it takes no time), its output in a log.
step() {
  name=$1 log=$logs/$(echo "$1" | tr -c 'a-zA-Z0-9\n' -).log
  shift
  started=$(date +%s)
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  trap 'kill "$child" 2>/dev/null; wait "$child"; [ ! -t 2 ] || echo >&2; exit 130' INT
  trap 'kill "$child" 2>/dev/null; wait "$child"; exit 143' TERM HUP
  shown=
  tick=0
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.1
    tick=$((tick + 1))
    [ $tick -ge 10 ] || continue
    if [ -t 2 ]; then
      if [ $((tick % 5)) -eq 0 ]; then
        last=$(tail -c 400 "$log" | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | cut -c1-"$((${COLUMNS:-80} - 36))")
        printf '\r\033[Kpenglai: %s, %ss  %s' "$name" $(($(date +%s) - started)) "$last" >&2
        shown=terminal
      fi
    elif [ -z "$shown" ]; then
      say "$name ..."
      shown=line
    elif [ $((tick % 300)) -eq 0 ]; then
      say "$name, $(($(date +%s) - started))s"
    fi
  done
  status=0
  wait "$child" || status=$?
  trap - INT TERM HUP
  if [ "$shown" = terminal ]; then
    printf '\r\033[K' >&2
  fi
  if [ $status -ne 0 ]; then
    say "$name failed:"
    # Ninja lets what runs beside the failure finish, and a build within a build fails twice: the last FAILED is the one that tells.
    if grep -q '^FAILED: ' "$log"; then
      tail -n "+$(grep -n '^FAILED: ' "$log" | tail -n 1 | cut -d: -f1)" "$log" | head -n 25
    else
      tail -n 25 "$log"
    fi | cut -c1-400 | sed 's/^/  /' >&2
    say "the whole log is $log"
    return 1
  fi
  if [ -n "$shown" ]; then
    say "$name: done, $(($(date +%s) - started))s"
  fi
}

missing_packages() {
  wanted=$(sed 's/#.*//' "$root/cmake/packages.txt" | tr -s ' \n' ' ')
  # shellcheck disable=SC2086
  dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | awk -v wanted="$wanted" '
    $1 == "ii" || $1 == "hi" { have[$2] = 1 }
    END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!(name[i] in have)) printf "%s ", name[i] }'
}

install_packages() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  command="apt-get install --no-install-recommends $missing"
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ] && sudo -v; }; }; then
      say "packages are missing, and installing them needs root. Run this, then try again:"
      echo "  sudo $command" >&2
      return 1
    fi
    as_root="sudo -n"
  fi
  # A broken third-party source must not stop what Debian's own has; the installation then says what is not to be had.
  # shellcheck disable=SC2086
  step "refreshing package lists" sh -c "$as_root apt-get -q update || true" &&
    step "installing packages" $as_root env DEBIAN_FRONTEND=noninteractive $command -y -q -o Dpkg::Use-Pty=0 \
      -o DPkg::Lock::Timeout=300 || return 1
  missing=$(missing_packages)
  [ -z "$missing" ] || {
    say "apt installed everything but: $missing"
    return 1
  }
}

configure() {
  # A tree that was moved, or is given another cache, starts over; third-party builds are in the cache and stay.
  if [ -f "$build/CMakeCache.txt" ] && ! { grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt" &&
    grep -qxF "PL_CACHE:PATH=$PL_CACHE" "$build/CMakeCache.txt"; }; then
    find "$build" -mindepth 1 -maxdepth 1 ! -name log ! -name .lock -exec rm -rf {} +
  fi
  [ -f "$build/build.ninja" ] || step "configuring" cmake -S "$root" -B "$build" -G Ninja -DPL_CACHE="$PL_CACHE"
}

# Is everything as the last successful bootstrap left it? Asked on every run, so it must take milliseconds.
unchanged() {
  [ -f "$build/.ready" ] && [ "$(cat "$build/.ready")" = "$root $PL_CACHE" ] || return 1
  for file in bin/pl-run machine/initramfs.cpio firmware/penglai-fw.bin kernel/arch/riscv/boot/Image apps/bin/hello; do
    [ -e "$build/$file" ] || return 1
  done
  [ -z "$(cd "$root" && find CMakeLists.txt cmake monitor driver libos host sysroot apps /var/lib/dpkg/status \
    -newer "$build/.ready" -print -quit)" ]
}

bootstrap() {
  if [ "$1" = run ] && unchanged; then
    return 0
  fi
  case $root$PL_CACHE in
    *[!A-Za-z0-9/._,+=@%~-]*)
      # OpenSBI's and Linux' makefiles split names at spaces, and cannot be told not to.
      say "this tree ($root) and the cache ($PL_CACHE) must be in folders whose names have no spaces or special characters"
      return 1
      ;;
  esac
  mkdir -p "$logs" "$PL_CACHE" || return 1
  exec 9>"$build/.lock"
  if ! flock -n 9; then
    say "waiting for another build of this tree"
    flock 9
  fi
  echo "$root $PL_CACHE" >"$build/.ready.partial"
  install_packages && configure &&
    step "Linux for the machine (minutes, once)" ninja -C "$build" kernel &&
    step "C library for programs" ninja -C "$build" sysroot || return 1
  case $1 in
    run) step "building" ninja -C "$build" monitor/all driver/all libos/all host/all apps/all parts/machine/all ;;
    test) step "building" ninja -C "$build" ;;
  esac || return 1
  mv "$build/.ready.partial" "$build/.ready"
  exec 9>&-
}

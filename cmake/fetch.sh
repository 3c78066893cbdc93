#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch.sh NAME: the directory $PL_CACHE/src/NAME, unpacked from the file that sources.txt pins by SHA-256.
#
# Downloads go through apt, with a configuration of its own (lists, cache, sources): the machine's configuration is read for the
# mirror it uses and is never changed, so an ordinary user can run this. Everything is made under another name and renamed when it
# is whole, so being killed at any moment costs at most the step under way.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
suite=trixie
codename=bookworm # what the machine itself runs: its mirror is the one to ask

die() {
  echo "fetch: $*" >&2
  exit 1
}

[ $# -eq 1 ] || die "usage: fetch.sh NAME"
name=$1
# shellcheck disable=SC2046
set -f
set -- $(awk -v name="$name" '$1 == name' "$here/sources.txt")
set +f
[ $# -ge 5 ] || die "$name: not in sources.txt"
kind=$2 package=$3 file=$4 digest=$5
shift 5
members=$*

target=$cache/src/$name
stamp=$target/.pinned
want="$digest $members"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
  exit 0
fi

mkdir -p "$cache/src" "$cache/archives" "$cache/apt"
exec 9>"$cache/apt/lock"
flock 9
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
  exit 0 # somebody else made it meanwhile
fi

archive=$cache/archives/$digest

private_apt() {
  APT_CONFIG=$cache/apt/apt.conf "$@"
}

prepare_apt() {
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 'Origin: Debian' | head -n 1)
  # Without package lists apt cannot tell which mirror serves what: take the first that is configured for this release.
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' "Suite: $codename" | head -n 1)
  [ -n "$mirror" ] || die "apt has no source for Debian $codename; add one to /etc/apt and run apt-get update"
  mkdir -p "$cache/apt/state/lists/partial" "$cache/apt/cache/archives/partial"
  : >"$cache/apt/status"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  cat >"$cache/apt/sources.list" <<SOURCES
deb-src [signed-by=$keyring] $mirror $suite main
deb [arch=riscv64 signed-by=$keyring] $mirror $suite main
SOURCES
  cat >"$cache/apt/apt.conf" <<CONFIG
Dir::State "$cache/apt/state";
Dir::State::status "$cache/apt/status";
Dir::Cache "$cache/apt/cache";
Dir::Etc::sourcelist "$cache/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architectures { "$(dpkg --print-architecture)"; "riscv64"; };
APT::Sandbox::User "";
CONFIG
  # Lists of the last day are good enough to find a file whose digest is pinned anyway.
  if [ -z "$(find "$cache/apt/state/updated" -mtime -1 2>/dev/null)" ]; then
    echo "fetch: package lists of $suite"
    private_apt apt-get update -qq
    touch "$cache/apt/state/updated"
  fi
}

# The address of the pinned file, from what apt says it would download. apt itself insists on the .dsc, which mirrors do not
# always keep, so the file is then asked for by itself.
address() {
  case $kind in
    source) private_apt apt-get source --print-uris --only-source "$package" ;;
    riscv64) private_apt apt-get download --print-uris "$package:riscv64" ;;
  esac | awk -v file="$file" '
    BEGIN { gsub(/[.]/, "[.]", file); gsub(/[*]/, ".*", file) }
    /^\x27/ && $2 ~ "^" file "$" { gsub(/\x27/, "", $1); print $1; exit }'
}

if [ ! -f "$archive" ]; then
  prepare_apt
  from=$(address)
  [ -n "$from" ] || die "$name: apt does not know $file of $package"
  echo "fetch: $file"
  # apt-helper leaves a partial file where it was, and carries on from there.
  private_apt /usr/lib/apt/apt-helper -qq download-file "$from" "$archive.partial" || die "$name: the download of $file failed"
  echo "$digest  $archive.partial" | sha256sum --check --status || {
    rm -f "$archive.partial"
    die "$name: $file is not the file that sources.txt pins (SHA-256 differs)"
  }
  mv "$archive.partial" "$archive"
fi

echo "fetch: unpack $name"
rm -rf "$target.partial"
mkdir -p "$target.partial"
case $kind in
  source)
    set --
    for member in $members; do set -- "$@" "*/$member"; done
    [ $# -eq 0 ] || set -- --wildcards --no-wildcards-match-slash "$@"
    tar -xf "$archive" -C "$target.partial" --strip-components=1 --no-same-owner "$@"
    ;;
  riscv64) dpkg-deb --extract "$archive" "$target.partial" ;;
esac
echo "$want" >"$target.partial/.pinned"
rm -rf "$target"
mv "$target.partial" "$target"

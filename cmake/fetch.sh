#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch.sh NAME: the directory $PL_CACHE/src/NAME, unpacked from the file that sources.txt pins by SHA-256.
# fetch.sh --packed NAME ...: only the files themselves; prints where each is.
#
# Downloads go through apt's own downloader (so through its proxy) from the mirror that apt is configured with; its lists and state
# are not touched, so an ordinary user can run this. Everything is made under another name and renamed when it is whole, so being
# killed at any moment costs at most the step under way.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
codename=bookworm # what the machine itself runs: its mirror is the one to ask

die() {
  echo "fetch: $*" >&2
  exit 1
}

# What sources.txt says of a name: kind, place, digest, members.
look_up() {
  name=$1
  set -f
  # shellcheck disable=SC2046
  set -- $(awk -v name="$name" '$1 == name' "$here/sources.txt")
  set +f
  [ $# -ge 4 ] || die "$name: not in sources.txt"
  kind=$2 place=$3 digest=$4 archive=$cache/archives/$4
  shift 4
  members=$*
}

# The base address of the mirror that serves this machine its own release. A pinned file is asked for by its place in the mirror's
# pool: package lists would say where it is, but they change with each point release, and a mirror in the middle of one refuses them.
mirror() {
  base=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 'Origin: Debian' | head -n 1)
  # Without package lists apt cannot tell which mirror serves what: take the first that is configured for this release.
  [ -n "$base" ] || base=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' "Release: $codename" | head -n 1)
  [ -n "$base" ] || die "apt has no source for Debian $codename; add one to /etc/apt and run apt-get update"
  echo "${base%/}"
}

is_pinned() { echo "$digest  $1" | sha256sum --check --status 2>/dev/null; }

download() {
  ! is_pinned "$archive" || return 0
  from=$(mirror)/pool/main/$place
  echo "fetch: ${place##*/}" >&2
  # apt-helper leaves a partial file where it was, and carries on from there.
  /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User= -o Acquire::Retries=3 download-file "$from" "$archive.partial" ||
    die "$name: the download of ${place##*/} failed; if the mirror has a newer one instead, pin that in cmake/sources.txt"
  is_pinned "$archive.partial" || {
    rm -f "$archive.partial"
    die "$name: ${place##*/} is not the file that sources.txt pins (SHA-256 differs)"
  }
  mv "$archive.partial" "$archive"
}

mkdir -p "$cache/src" "$cache/archives"

if [ "${1-}" = --packed ]; then
  shift
  exec 9>"$cache/fetch.lock"
  flock 9
  for name; do
    look_up "$name"
    download
    echo "$archive"
  done
  exit
fi

[ $# -eq 1 ] || die "usage: fetch.sh [--packed] NAME"
look_up "$1"
target=$cache/src/$name
stamp=$target/.pinned
want="$digest $members"
is_there() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; }
! is_there || exit 0
exec 9>"$cache/fetch.lock"
flock 9
! is_there || exit 0 # somebody else made it meanwhile
download

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
  flat)
    # shellcheck disable=SC2086
    tar -xf "$archive" -C "$target.partial" --no-same-owner $members
    ;;
  riscv64 | amd64 | all)
    set --
    for member in $members; do set -- "$@" "./$member"; done
    dpkg-deb --fsys-tarfile "$archive" | tar -xf - -C "$target.partial" --no-same-owner "$@"
    ;;
  *) die "$name: sources.txt says $kind, which is no kind" ;;
esac
echo "$want" >"$target.partial/.pinned"
rm -rf "$target"
mv "$target.partial" "$target"

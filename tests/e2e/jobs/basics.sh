# bash, coreutils, perl and the small python: what a build script or a cron job does.
set -e
trap 'echo bye' EXIT
for i in $(seq 1 200); do echo "$((i * 7919 % 1000)) line $i"; done | sort -n > numbers
sha256sum < numbers
head -n 3 numbers | tac
perl -ne 's/line/LINE/; $s += $1 if /^(\d+)/; print if /77 LINE/; END { print "$s\n" }' numbers
python3 -c '
import re, sys
lines = open("numbers").read().splitlines()
print(sum(int(re.match("([0-9]+)", l).group(1)) for l in lines), sorted({c for l in lines for c in l})[:5], sys.version_info[:2])
'
cat <<TEXT | tr a-z A-Z
here is $((6 * 7))
TEXT
mkdir -p d/e; mv numbers d/e/; cp -a d copy; ls -R copy | tail -n 1; stat -c %s copy/e/numbers; rm -r d copy; ls | wc -l
(exit 5) || echo status $?
. /etc/os-release; echo $ID $VERSION_ID
head -n 1 /etc/passwd
exit 3

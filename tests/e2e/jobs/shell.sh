# bash: traps, here-documents, pipelines, substitutions, jobs, signals.
trap 'echo "exit $?"' EXIT
trap 'echo got USR1' USR1
kill -USR1 $$
(trap 'echo sub TERM; exit 7' TERM; kill -TERM $BASHPID; echo not reached) || echo "sub $?"
trap 'echo "err at $LINENO"' ERR
false
trap - ERR
cat <<-TABBED
	tabs go, $((1 << 20)) stays
	TABBED
cat <<'QUOTED'
$not $(expanded)
QUOTED
tr a-z A-Z <<<"a here string"
long=$(head -c 300000 /dev/zero | tr '\0' x)
cat <<BIG | wc -c
$long
BIG
seq 100000 | sort -rn | head -n 1
yes | head -n 2
set -o pipefail
(exit 3) | true | (exit 5) | cat
echo "pipefail $? ${PIPESTATUS[*]}"
diff <(seq 5) <(seq 2 6) | grep '[<>]'
tee >(wc -c >count) <<<"into a substitution" >/dev/null; wait $!; cat count
coproc UP { while read -r line; do echo "${line^^}"; done; }
echo co-process >&"${UP[1]}"; read -r answer <&"${UP[0]}"; echo "$answer"
exec {UP[1]}>&-; wait "$UP_PID"; echo "coproc $?"
mkfifo pipe; (echo through a fifo >pipe &) ; cat pipe
for i in 3 1 2; do (exit $i) & done; for i in 3 1 2; do wait -n; done; echo waited
(sleep 100 & kill -9 $!; wait $!; echo "killed $?") 2>/dev/null
read -r -t 0.05 never < <(sleep 5); echo "timeout $((${?} > 128))"
(trap - EXIT; set -m; sleep 100 & kill -STOP %1; until read -r _ _ state _ </proc/$!/stat && [ "$state" = T ]; do sleep 0.05; done; echo "state $state"; kill -KILL %1; wait %1; echo "killed $?") 2>/dev/null
declare -A map=([b]=2 [a]=1); for k in a b; do echo "$k=${map[$k]}"; done
[[ 2026-11-25 =~ ([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
printf '%(%F %T)T\n' 86399
fib() { local n=$1; ((n < 2)) && { echo "$n"; return; }; echo $(($(fib $((n - 1))) + $(fib $((n - 2))))); }
fib 9
ulimit -n 64; ulimit -n
umask 027; : >mode; stat -c %a mode
exec 5<>mode; echo kept >&5; exec 5>&-; cat mode
{ (ulimit -c 0; kill -SEGV $BASHPID); echo "signal $?"; } 2>/dev/null
bash -c 'exec -a other bash -c "echo \$0"'
type -t cd cat fib
mapfile -t lines < <(seq 3); echo "${#lines[@]} ${lines[-1]}"
eval "$(printf 'echo %q' "quoted 'word'")"
exit 6

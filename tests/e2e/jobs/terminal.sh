# bash -i on a pseudoterminal: line editing, jobs that are stopped, continued and interrupted from the keyboard.
cat >drive.py <<'PYTHON'
import os, pty, re, select, sys, termios, fcntl, struct
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PS1="ready> ", TERM="dumb", HISTFILE="", INPUTRC="/dev/null")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
seen = b""
def until(what):
    global seen
    while what not in seen:
        if not select.select([terminal], [], [], 60)[0]: sys.exit("waited for %r after %r" % (what, seen))
        try: more = os.read(terminal, 4096)
        except OSError: more = b""
        if not more: break
        seen += more
    at = seen.find(what) + len(what) if what in seen else len(seen)
    text, seen = seen[:at], seen[at:]
    sys.stdout.write(re.sub(r"\[(\d)\] \d+", r"[\1] PID", text.decode()).replace("\r", ""))
def line(text, wait=b"ready> "): os.write(terminal, text.encode() + b"\n"); until(wait)
until(b"ready> ")
line("tty | sed 's/[0-9]//'; stty size; echo $-")
line("sleep 101 &")
line("jobs")
line("echo started; cat", b"started\r\n")
os.write(terminal, b"an echo\n"); until(b"an echo\r\nan echo\r\n")
os.write(terminal, b"\x1a"); until(b"ready> ")
line("jobs")
line("fg %2", b"cat\r\n")
os.write(terminal, b"again\n"); until(b"again\r\nagain\r\n")
os.write(terminal, b"\x04"); until(b"ready> ")
line("trap 'echo interrupted' INT; sh -c 'echo asleep; sleep 100'", b"asleep\r\n")
os.write(terminal, b"\x03"); until(b"ready> ")
line("echo status $?")
line("echo wrogn\x7f\x7fng \x15echo right", b"\r\nright\r\nready> ")  # a line that is taken back may show the prompt again
line("read -p 'a li''ne: ' answer", b"\r\na line: ")
line("typed")
line("echo $answer; kill %1; wait %1; echo $?")
line("{ cat; } & wait $! 2>/dev/null; jobs", b"}\r\nready> ")
line("fg %1", b"cat; }\r\n")
os.write(terminal, b"\x04"); until(b"ready> ")
line("stty -a | grep -o 'isig icanon'")
line("exit 9", b"\x00")
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
python3 drive.py

# Python: threads, processes, databases, digests, a thousand files.
cat >job.py <<'PYTHON'
import concurrent.futures, ctypes, decimal, hashlib, json, lzma, multiprocessing, os, pathlib, queue, signal, socket, sqlite3, subprocess, sys
import tempfile, threading, time, zlib
from multiprocessing import shared_memory

def work(n): return n, sum(i * i for i in range(n * 1000)) % 1000003

def add(counter, times):
    for _ in range(times):
        with counter.get_lock(): counter.value += 1

def child(pipe, events):
    pipe.send({"got": pipe.recv()}); events.put(os.getppid() > 0); pipe.close()

def main():
    print(sys.version_info[:3], os.uname().machine)
    with concurrent.futures.ThreadPoolExecutor(8) as pool: print(sum(r for _, r in pool.map(work, range(1, 17))))
    jobs, total, lock = queue.Queue(), [0], threading.Lock()
    def drain():
        while (item := jobs.get()) is not None:
            with lock: total[0] += item
    threads = [threading.Thread(target=drain) for _ in range(6)]
    [t.start() for t in threads]; [jobs.put(i) for i in range(3000)]; [jobs.put(None) for _ in threads]; [t.join() for t in threads]
    print(total[0], threading.active_count())
    barrier, local = threading.Barrier(4), threading.local()
    def meet(i): local.x = i; barrier.wait(); assert local.x == i
    threads = [threading.Thread(target=meet, args=(i,)) for i in range(4)]; [t.start() for t in threads]; [t.join() for t in threads]

    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool: print(pool.map(work, range(8)), pool.apply_async(os.path.basename, ("/a/b",)).get())
    counter = context.Value("i", 0)
    children = [context.Process(target=add, args=(counter, 250)) for _ in range(4)]
    [c.start() for c in children]; [c.join() for c in children]
    print(counter.value, [c.exitcode for c in children])
    ours, theirs = context.Pipe(); events = context.Queue()
    c = context.Process(target=child, args=(theirs, events)); c.start(); ours.send([1, "two"]); print(ours.recv(), events.get()); c.join()
    block = shared_memory.SharedMemory(create=True, size=8192)
    c = context.Process(target=lambda: block.buf.__setitem__(slice(0, 5), b"hello")); c.start(); c.join()
    print(bytes(block.buf[:5])); block.close(); block.unlink()
    c = context.Process(target=time.sleep, args=(100,)); c.start(); c.terminate(); c.join(); print(c.exitcode)

    p = subprocess.run(["sort", "-rn"], input="1\n3\n2\n", capture_output=True, text=True); print(p.stdout.split(), p.returncode)
    a = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE); b = subprocess.Popen(["wc", "-l"], stdin=a.stdout, stdout=subprocess.PIPE)
    a.stdout.close(); print(b.communicate()[0].strip(), a.wait())
    try: subprocess.run(["sleep", "100"], timeout=0.2)
    except subprocess.TimeoutExpired: print("timed out")
    print(subprocess.run("exit 5", shell=True).returncode, subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)

    for journal in "delete", "wal":
        db = sqlite3.connect("py-%s.db" % journal); print(db.execute("pragma journal_mode=" + journal).fetchone())
        with db: db.execute("create table t(a integer primary key, b text)"); db.executemany("insert into t(b) values(?)", ((str(i * 7919 % 1000),) for i in range(2000)))
        def reader(): print(sqlite3.connect("py-%s.db" % journal).execute("select count(*), max(cast(b as int)) from t").fetchone())
        t = threading.Thread(target=reader); t.start(); t.join()
        c = context.Process(target=reader); c.start(); c.join(); print(db.execute("pragma integrity_check").fetchone()); db.close()

    data = bytes(range(256)) * 4096
    for name in "md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b": print(name, hashlib.new(name, data).hexdigest()[:24])
    print(hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2000).hex()[:24], zlib.crc32(data), len(lzma.compress(data)), len(zlib.compress(data)))

    top = pathlib.Path(tempfile.mkdtemp(dir="."))
    for i in range(1000): (top / ("%03d" % i)).write_text("%d\n" % (i * i))
    print(sum(int(p.read_text()) for p in sorted(top.iterdir())), sum(p.stat().st_size for p in top.iterdir()))
    for i in range(0, 1000, 2): os.rename(top / ("%03d" % i), top / ("r%03d" % i))
    print(len(list(top.glob("r*")))); [p.unlink() for p in top.iterdir()]; top.rmdir()

    server = socket.create_server(("127.0.0.1", 0))
    def serve():
        connection, _ = server.accept()
        with connection: connection.sendall(connection.recv(100)[::-1])
    t = threading.Thread(target=serve); t.start()
    with socket.create_connection(server.getsockname()) as s: s.sendall(b"backwards"); print(s.recv(100))
    t.join()
    signal.signal(signal.SIGALRM, lambda *_: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.05); signal.pause()
    print(ctypes.CDLL(None).strlen(b"seven77"), decimal.Decimal(2).sqrt(), json.dumps({"b": [1, 2.5, None]}), os.sched_getaffinity(0) != set())
main()
PYTHON
python3 job.py
python3 -c 'import asyncio, ssl, readline, bz2, uuid; print(ssl.OPENSSL_VERSION_INFO[0], asyncio.run(asyncio.sleep(0.01, "slept")))'

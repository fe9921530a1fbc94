"""Attacks on the limits: memory, output, processes, threads, files and time.

Where two kinds are right, it is a race which limit is met first: time, or memory or output.
"""

from __future__ import annotations

from hostile_programs import attack, program

__all__ = ["PROGRAMS"]

PROGRAMS = [
    attack(
        "a terabyte at once",
        "take more memory than it may",
        "import mmap\n"
        "def attack(facts): return attempt(lambda: len(bytearray(1 << 40))) or"
        " attempt(lambda: len(mmap.mmap(-1, 1 << 40)))",
    ),
    attack(
        "memory by small pieces",
        "take more memory than it may",
        """
def attack(facts):
    held = []
    while len(held) < 800: held.append(bytes(1 << 20))
    return "800 MiB"
""",
        "error",
    ),
    attack(
        "memory by small pieces, all of it written to",
        "take more memory than it may",
        """
def attack(facts):
    held = []
    while len(held) < 800: held.append(bytearray(1 << 20))
    return "800 MiB"
""",
        "error timeout",
    ),
    attack(
        "memory shared by /dev/zero",
        "take more memory than it may",
        """
import mmap
def attack(facts):
    held = []
    def more():
        file = os.open("/dev/zero", os.O_RDWR)
        for _ in range(100): held.append(mmap.mmap(file, 64 << 20, mmap.MAP_SHARED))
        return len(held)
    return attempt(more)
""",
    ),
    attack(
        "memory in a file without a name",
        "hide memory where it is not counted",
        "def attack(facts): return attempt(lambda: os.memfd_create('x')) or call(447, 0)",
    ),
    attack(
        "memory in segments and queues of System V",
        "hide memory where it is not counted",
        """
def attack(facts):
    return call(29, 0, 1 << 24, 0o1600) or call(68, 0, 0o1600) or call(64, 0, 1, 0o1600)
""",
    ),
    attack(
        "memory in message queues",
        "hide memory where it is not counted",
        "def attack(facts): return call(240, b'x', os.O_CREAT | os.O_RDWR, 0o600, None)",
    ),
    attack(
        "memory in files of the sandbox",
        "hide memory where it is not counted",
        """
def attack(facts):
    places = ["/x", "/tmp/x", "/dev/x", "/dev/shm/x", "/var/tmp/x", "/run/x", "/app/x", "x"]
    found = [one for one in places if attempt(lambda: open(one, "wb").write(b"x" * 65536))]
    flags = os.O_TMPFILE | os.O_RDWR
    for place in ("/", "/tmp", "/dev", "/dev/shm"):
        if attempt(lambda: os.open(place, flags)): found.append(place)
    return found or None
""",
    ),
    attack(
        "a hundred thousand empty files",
        "hide memory where it is not counted",
        """
def attack(facts):
    made = 0
    for folder in ("/", "/tmp", "/dev/shm", "/dev/pts", "."):
        for k in range(100):
            made += attempt(lambda: os.mkdir(f"{folder}/d{k}")) is not None
            made += attempt(lambda: os.symlink("x", f"{folder}/s{k}")) is not None
    return made or None
""",
    ),
    attack(
        "memory in pipes",
        "hide memory where it is not counted",
        """
import fcntl
def attack(facts):
    reading, writing = os.pipe()
    return attempt(lambda: fcntl.fcntl(writing, 1031, 1 << 20))
""",
    ),
    attack(
        "memory in sockets, descriptors in flight",
        "hide memory or descriptors where they are not counted",
        """
import array, socket
def attack(facts):
    one, other = socket.socketpair()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno()]))]
    return attempt(lambda: other.sendmsg([b"x"], rights))
""",
    ),
    attack(
        "more descriptors than it may have",
        "take all descriptors",
        """
def attack(facts):
    held = []
    try:
        while True: held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return len(held) if len(held) > 64 else None
""",
    ),
    attack(
        "locked memory",
        "keep memory from being swapped",
        "import mmap\n"
        "def attack(facts):\n"
        "    data = ctypes.create_string_buffer(1 << 20)\n"
        "    return call(149, data, 1 << 20) or call(151, 1)",
    ),
    attack(
        "limits raised",
        "raise its limits",
        """
import resource
def attack(facts):
    names = ("AS", "NPROC", "NOFILE", "FSIZE", "CORE", "MEMLOCK", "CPU")
    def more(which):
        soft, hard = resource.getrlimit(which)
        resource.setrlimit(which, (hard + 1, hard + 1))
    found = [one for one in names if attempt(lambda: more(getattr(resource, "RLIMIT_" + one)))]
    return found or None
""",
    ),
    attack(
        "limits of others changed",
        "change the limits of another process",
        """
import resource
def attack(facts):
    return attempt(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))) or (
        attempt(lambda: resource.prlimit(facts["pid"], resource.RLIMIT_NOFILE, (0, 0))))
""",
    ),
    attack(
        "an answer of ten megabytes",
        "fill the parent's memory",
        "def attack(facts): return 'x' * 10_000_000",
        "oversize",
    ),
    attack(
        "prints of twenty megabytes",
        "fill the parent's memory, or a disk",
        """
def attack(facts):
    for _ in range(15): print("x" * 1_000_000)
    sys.stderr.write("x" * 5_000_000)
""",
    ),
    program(
        "a program that writes into its input",
        "hide memory where it is not counted",
        """
def more():
    file = os.open("/proc/self/fd/0", os.O_RDWR)
    return os.pwrite(file, b"x" * 1_000_000, 0)
print("42" if attempt(more) or attempt(lambda: os.write(0, b"x")) else "refused")
""",
        "value",
    ),
    program(
        "a program that prints for ever",
        "fill the parent's memory",
        "while True: print('42' * 1000)",
        "oversize",
    ),
    program(
        "a program that prints a byte at a time for ever",
        "hold up the judge",
        "while True: os.write(1, b'4')",
        "oversize timeout",
    ),
    attack(
        "fork by every name",
        "start a process",
        """
def attack(facts):
    for number in (57, 58):
        child = libc.syscall(number)
        if child == 0: os._exit(0)
        if child > 0: return f"call {number}"
    child = libc.fork()
    if child == 0: os._exit(0)
    return "fork" if child > 0 else None
""",
    ),
    attack(
        "clone with flags of all kinds",
        "start a process",
        """
def attack(facts):
    for flags in (17, 0, 0x100 | 17, 0x4000 | 0x100 | 17, 0x20000000 | 17, 0x10000000 | 17,
                  0x8000 | 17, 0x100000000 | 17):
        child = libc.syscall(56, ctypes.c_ulong(flags), None, None, None, None)
        if child == 0: os._exit(0)
        if child > 0: return hex(flags)
    arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)
    child = libc.syscall(435, arguments, ctypes.sizeof(arguments))
    if child == 0: os._exit(0)
    return "clone3" if child > 0 else None
""",
    ),
    attack(
        "other programs",
        "start a program",
        """
import multiprocessing, subprocess
def attack(facts):
    ways = [
        lambda: subprocess.run(["/bin/true"]), lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.popen("true").read(), lambda: os.execv(sys.executable, ["python"]),
        lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
        lambda: multiprocessing.get_context("fork").Process(target=print).start(),
    ]
    found = [str(k) for k, way in enumerate(ways) if attempt(way)]
    if os.system("true") == 0: found.append("system")
    return found or None
""",
    ),
    attack(
        "a daemon that outlives the kill",
        "survive",
        """
import time
def attack(facts):
    attempt(os.setsid)
    for _ in range(2):
        try:
            if os.fork(): os._exit(0)
        except OSError: pass
    import signal
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: time.sleep(1)
""",
        "timeout",
    ),
    attack(
        "threads without end",
        "use up the machine, or be its fault",
        """
import threading, time
def attack(facts):
    threading.stack_size(65536)
    for _ in range(20_000): threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
    return "20,000 threads"
""",
        "error timeout",
    ),
    attack(
        "threads that go on after the answer",
        "survive, or disturb the next",
        """
import threading
def attack(facts):
    def spin():
        while True: pass
    # Each takes the interpreter for 5 ms by turns
    for _ in range(3): threading.Thread(target=spin).start()
""",
    ),
    attack(
        "threads that go on when the first has ended",
        "survive, or hold up the judge",
        """
import threading
def attack(facts):
    def spin():
        while True: pass
    threading.Thread(target=spin).start()
    libc.syscall(60, 0)
""",
        "timeout",
    ),
    attack(
        "a loop without end",
        "hold up the judge",
        "def attack(facts):\n    while True: pass",
        "timeout",
    ),
    attack(
        "a loop while it loads",
        "hold up the judge",
        "while True: pass",
        "timeout",
    ),
    attack(
        "sleep without end",
        "hold up the judge",
        "import time\ndef attack(facts): time.sleep(10**6)",
        "timeout",
    ),
    attack(
        "a process that stops itself",
        "hold up the judge",
        "import signal\ndef attack(facts): os.kill(os.getpid(), signal.SIGSTOP)",
        "timeout",
    ),
    attack(
        "one long step that no signal interrupts",
        "hold up the judge",
        "import re\ndef attack(facts): return re.match('(a*)*b', 'a' * 64)",
        "timeout",
    ),
    attack(
        "a number that takes for ever",
        "hold up the judge",
        "def attack(facts): return 7 ** 10**9",
        "timeout",
    ),
    attack(
        "source that is deeper than the compiler",
        "crash anything but itself",
        "def attack(facts): compile('(' * 100_000, 'x', 'eval')",
        "error",
    ),
    attack(
        "an alarm that comes all the time",
        "hold up the judge",
        """
import signal
def attack(facts):
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)
    while True: pass
""",
        "timeout",
    ),
    attack(
        "a core dump",
        "write a file",
        "def attack(facts): os.abort()",
        "crash",
    ),
    attack(
        "a crash of the interpreter",
        "crash anything but itself",
        "def attack(facts): ctypes.string_at(0)",
        "crash",
    ),
    attack(
        "an end that is held up",
        "survive",
        """
import atexit, sys, time
class Stuck:
    def flush(self): time.sleep(100)
    def write(self, text): return len(text)
def attack(facts):
    sys.stdout = Stuck()
    atexit.register(time.sleep, 100)
    os._exit = time.sleep
""",
    ),
]

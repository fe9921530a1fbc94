"""Attacks on the host: files, environment, descriptors, network, other processes, the kernel."""

from __future__ import annotations

from hostile_programs import attack

__all__ = ["PROGRAMS"]

_READ = "read what is the caller's"
_CHANGE = "change what is the caller's"
_REACH = "reach the network"
_OTHERS = "reach another process"
_POWER = "gain a power that it has not"

PROGRAMS = [
    attack(
        "a file of the caller",
        _READ,
        "def attack(facts): return attempt(lambda: open(facts['path']).read())",
    ),
    attack(
        "a file of the caller by other ways",
        _READ,
        """
def attack(facts):
    path = facts["path"]
    ways = [f"/proc/self/root{path}", f"/proc/1/root{path}", f"/proc/{os.getppid()}/root{path}",
            f"/proc/self/cwd/{path}", f"//{path}", f"/../..{path}", f"/py/..{path}",
            f"/dev/../{path}", f"/dev/fd/../../..{path}", f"/usr/../{path}"]
    found = [attempt(lambda: open(one).read()) for one in ways]
    folder = attempt(lambda: os.open(os.path.dirname(path), os.O_PATH))
    if folder: found.append(attempt(lambda: open(os.open("caller", 0, dir_fd=int(folder))).read()))
    found.append(call(437, -100, path.encode(), (ctypes.c_uint64 * 3)(), 24))
    return [one for one in found if one] or None
""",
    ),
    attack(
        "folders of the caller",
        _READ,
        """
def attack(facts):
    places = [os.path.dirname(facts["path"]), "/root", "/home", "/", "/etc", "/tmp", "/proc"]
    return [one for one in places if attempt(lambda: os.listdir(one))] or None
""",
    ),
    attack(
        "files of the system",
        _READ,
        """
def attack(facts):
    places = ["/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/hostname", "/proc/version",
              "/proc/self/status", "/proc/mounts", "/sys/class/net", "/dev/mem", "/dev/kmsg",
              "/dev/tty", "/dev/ptmx", "/run", "/var/log"]
    return [one for one in places if attempt(lambda: os.open(one, os.O_RDONLY))] or None
""",
    ),
    attack(
        "the environment",
        _READ,
        """
def attack(facts):
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    found, k = [], 0
    while environ[k]:
        found.append(environ[k].decode()); k += 1
    found += [f"{key}={value}" for key, value in os.environ.items()]
    return [one for one in found if "SECRET" in one or "canary" in one] or None
""",
    ),
    attack(
        "the environment of other processes",
        _READ,
        """
def attack(facts):
    own = ["self", "1", str(os.getppid()), str(facts["pid"])]
    ways = [f"/proc/{one}/{what}" for one in own for what in ("environ", "cmdline", "maps", "mem")]
    return [one for one in ways if attempt(lambda: open(one, "rb").read(100))] or None
""",
    ),
    attack(
        "descriptors that were left open",
        _READ,
        """
def attack(facts):
    held = []
    for one in range(4096):
        try: held.append((one, oct(os.fstat(one).st_mode)))
        except OSError: pass
    null = os.stat("/dev/null")
    extra = [(one, mode) for one, mode in held if one > 2]
    wrong = [one for one in (0, 1, 2) if os.fstat(one).st_rdev != null.st_rdev]
    return (extra, wrong) if len(extra) > 1 or wrong else None
""",
    ),
    attack(
        "a program's input taken from the protocol",
        "eat the protocol",
        """
def attack(facts):
    found = [attempt(lambda: os.read(0, 100)), attempt(sys.stdin.read)]
    try: found.append(input())
    except EOFError: pass
    return [one for one in found if one not in (None, "b''", "''")] or None
""",
    ),
    attack(
        "what the caller told the runner",
        _READ,
        """
def attack(facts):
    import prefkit
    text = repr((sys.argv, sys.orig_argv[:1], sys.path, sys.flags))
    return text if facts["path"] in text or "canary" in text else None
""",
    ),
    attack(
        "the rest of the caller's code",
        _READ,
        """
def attack(facts):
    found = []
    for name in ("prefkit.cli", "prefkit.errors", "prefkit.sandbox.worker", "pyarrow", "pytest"):
        try: __import__(name); found.append(name)
        except (ImportError, OSError): pass
    return found or None
""",
    ),
    attack(
        "a file of the caller written",
        _CHANGE,
        """
def attack(facts):
    path = facts["path"]
    modes = ("w", "a", "r+", "x")
    found = [mode for mode in modes if attempt(lambda: open(path, mode))]
    found += [k for k in (76, 2) if k == 76 and call(76, path.encode(), 0)]
    if attempt(lambda: os.truncate(path, 0)): found.append("truncate")
    return found or None
""",
    ),
    attack(
        "the mode of a file changed",
        _CHANGE,
        """
def attack(facts):
    path = facts["path"].encode()
    found = [attempt(lambda: os.chmod(path, 0o777)), call(90, path, 0o777),
             call(268, -100, path, 0o777), call(452, -100, path, 0o777, 0)]
    held = attempt(lambda: os.open(path, os.O_PATH))
    if held: found += [call(91, int(held), 0o777), call(452, int(held), b"", 0o777, 0x1000)]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "the owner, the times and the attributes of a file changed",
        _CHANGE,
        """
def attack(facts):
    path = facts["path"].encode()
    found = [call(92, path, os.getuid(), os.getgid()), call(94, path, os.getuid(), -1),
             call(260, -100, path, os.getuid(), -1, 0), call(132, path, None),
             call(235, path, None), call(280, -100, path, None, 0),
             call(188, path, b"user.x", b"1", 1, 0), call(197, path, b"user.x"),
             attempt(lambda: os.utime(path)), attempt(lambda: os.setxattr(path, "user.x", b"1"))]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "names changed and removed",
        _CHANGE,
        """
def attack(facts):
    path = facts["path"]
    beside = os.path.join(os.path.dirname(path), "beside")
    ways = [lambda: os.rename(path, beside), lambda: os.link(path, beside),
            lambda: os.symlink(path, beside), lambda: os.mkdir(beside), lambda: os.mkfifo(beside),
            lambda: os.unlink(path), lambda: os.rmdir(os.path.dirname(path)),
            lambda: os.mknod(beside)]
    return [k for k, way in enumerate(ways) if attempt(way)] or None
""",
    ),
    attack(
        "a server of the caller",
        _REACH,
        """
import socket
def attack(facts):
    return attempt(lambda: socket.create_connection(("127.0.0.1", facts["port"]), 1).recv(100))
""",
    ),
    attack(
        "sockets of every family",
        _REACH,
        """
import socket
def attack(facts):
    found = []
    for family in range(1, 46):
        for kind in (1, 2, 3, 5):
            if call(41, family, kind, 0): found.append((family, kind))
    return found or None
""",
    ),
    attack(
        "an abstract socket of the caller",
        _REACH,
        """
import socket
def attack(facts):
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = "\\0" + facts["abstract"]
    return attempt(lambda: one.connect(name)) or attempt(lambda: one.sendto(b"x", name)) or (
        attempt(lambda: one.bind("\\0prefkit-bound")))
""",
    ),
    attack(
        "a socket of the caller that has a name",
        _REACH,
        """
import socket
def attack(facts):
    found = []
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        for name in (facts["socket"], "/dev/log", "/run/systemd/notify"):
            found += [attempt(lambda: one.connect(name)), attempt(lambda: one.sendto(b"x", name)),
                      attempt(lambda: one.sendmsg([b"x"], [], 0, name))]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "a filter on the channel",
        _POWER,
        """
import socket, struct
def attack(facts):
    one = socket.socket(fileno=os.dup(channels()[0]))
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(code))
    return attempt(lambda: one.setsockopt(socket.SOL_SOCKET, 26, program)) or (
        attempt(lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)))
""",
    ),
    attack(
        "names looked up",
        _REACH,
        "import socket\ndef attack(facts): return attempt(lambda: socket.gethostbyname('a.test'))",
    ),
    attack(
        "packets sent by the channel",
        _REACH,
        """
import socket
def attack(facts):
    address = b"\\x02\\x00\\x00\\x50\\x7f\\x00\\x00\\x01" + b"\\x00" * 8
    found = [call(44, one, b"", 0, 0x40, address, 16) for one in channels()]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "signals to others",
        _OTHERS,
        """
def attack(facts):
    found = []
    for target in (1, os.getppid(), facts["pid"], 0, -1, -os.getppid(), -facts["pid"]):
        if target == os.getpid(): continue
        for signal in (0, 15, 19):
            if call(62, target, signal): found.append((target, signal))
            if call(200, target, signal): found.append(("tkill", target))
            if call(234, target, target, signal): found.append(("tgkill", target))
            if call(129, target, signal, None): found.append(("queue", target))
    return found or None
""",
    ),
    attack(
        "signals by a descriptor of a process",
        _OTHERS,
        """
def attack(facts):
    found = [call(434, one, 0) for one in (1, os.getppid(), facts["pid"])]
    found += [call(424, one, 0, None, 0) for one in range(16)] + [call(438, 3, 0, 0)]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "signals by an owner of a socket",
        _OTHERS,
        """
import fcntl
def attack(facts):
    one = channels()[0]
    return attempt(lambda: fcntl.fcntl(one, 8, os.getppid())) or (
        attempt(lambda: fcntl.fcntl(one, 10, 9))) or attempt(lambda: fcntl.fcntl(0, 1026, 1))
""",
    ),
    attack(
        "memory of others",
        _OTHERS,
        """
def attack(facts):
    class Part(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("count", ctypes.c_size_t)]
    data = ctypes.create_string_buffer(8)
    mine = Part(ctypes.addressof(data), 8)
    found = []
    for one in (1, os.getppid(), facts["pid"]):
        theirs = Part(id(None), 8)
        found += [call(310, one, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0),
                  call(311, one, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0),
                  call(101, 16, one, None, None), call(101, 0x4206, one, None, None),
                  call(312, os.getpid(), one, 0, 0, 0), call(440, one, None, 0, 0, 0)]
    found.append(call(101, 0, 0, None, None))
    return [one for one in found if one] or None
""",
    ),
    attack(
        "others made slow",
        _OTHERS,
        """
def attack(facts):
    found = []
    for one in (os.getppid(), facts["pid"]):
        found += [call(141, 0, one, 19), call(142, one, b"\\0" * 8), call(144, one, 3, b"\\0" * 4),
                  call(203, one, 8, b"\\1" + b"\\0" * 7), call(314, one, b"\\0" * 48, 0),
                  call(251, 1, one, 0x6000)]
    return [one for one in found if one] or None
""",
    ),
]

"""What a sandbox must refuse, as small honest programs: a level is claimed when all were refused.

Each defines `probe(path)`, given a file of the caller, and returns what it managed; null = nothing.
"""

from __future__ import annotations

__all__ = ["PROBES"]

_REFUSED = """
def attempt(action):
    try:
        return repr(action())[:80] or "done"
    except (OSError, MemoryError, AttributeError) as error:
        return None
"""


def _program(body: str) -> str:
    return _REFUSED + body


PROBES: dict[str, str] = {
    "read a file of the caller": _program(
        "def probe(path):\n    return attempt(lambda: open(path).read())\n"
    ),
    "list the folder of the caller": _program(
        "import os\n"
        "def probe(path):\n"
        "    return attempt(lambda: os.listdir(os.path.dirname(path)))\n"
    ),
    "write a file": _program(
        "import os\n"
        "def probe(path):\n"
        "    places = [path, '/tmp/probe', '/dev/shm/probe', '/probe', '/app/probe', 'probe']\n"
        "    found = [one for one in places if attempt(lambda: open(one, 'w'))]\n"
        "    found += ['chmod'] if attempt(lambda: os.chmod(path, 0o777)) else []\n"
        "    found += ['utime'] if attempt(lambda: os.utime(path)) else []\n"
        "    found += ['unlink'] if attempt(lambda: os.unlink(path)) else []\n"
        "    return found or None\n"
    ),
    "read the environment of another process": _program(
        "def probe(path):\n"
        "    return attempt(lambda: open('/proc/1/environ', 'rb').read()) or"
        " attempt(lambda: open('/proc/self/environ', 'rb').read())\n"
    ),
    "open a socket": _program(
        "import socket\n"
        "def probe(path):\n"
        "    kinds = [(socket.AF_INET, 'inet'), (socket.AF_INET6, 'inet6'),"
        " (socket.AF_UNIX, 'unix'), (socket.AF_NETLINK, 'netlink')]\n"
        "    return [name for kind, name in kinds"
        " if attempt(lambda: socket.socket(kind, socket.SOCK_DGRAM))] or None\n"
    ),
    "start a process": _program(
        "import os\n"
        "def leave():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        os._exit(0)\n"
        "    return child\n"
        "def probe(path):\n"
        "    return attempt(leave) or attempt(lambda: os.posix_spawn('/bin/true', ['true'], {}))\n"
    ),
    "run another program": _program(
        "import os, sys\n"
        "def probe(path):\n"
        "    return attempt(lambda: os.execv(sys.executable or '/bin/true', ['true']))\n"
    ),
    "signal another process": _program(
        "import os\n"
        "def probe(path):\n"
        "    return attempt(lambda: os.kill(os.getppid(), 0)) or attempt(lambda: os.kill(-1, 0))\n"
    ),
    "read the memory of another process": _program(
        "import ctypes, os\n"
        "def probe(path):\n"
        "    library = ctypes.CDLL(None, use_errno=True)\n"
        "    if library.ptrace(16, os.getppid(), None, None) == 0:\n"
        "        return 'ptrace'\n"
        "    return attempt(lambda: open(f'/proc/{os.getppid()}/mem', 'rb').read(1))\n"
    ),
    "take more memory than it may": _program(
        "import mmap\n"
        "def probe(path):\n"
        "    return attempt(lambda: len(bytearray(1 << 40))) or"
        " attempt(lambda: len(mmap.mmap(-1, 1 << 40)))\n"
    ),
    "hide memory in a file without a name": _program(
        "import os\ndef probe(path):\n    return attempt(lambda: os.memfd_create('x'))\n"
    ),
    "become somebody else": _program(
        "import os\n"
        "def probe(path):\n"
        "    return attempt(lambda: os.setuid(0)) or attempt(lambda: os.unshare(0x10000000))"
        " if hasattr(os, 'unshare') else attempt(lambda: os.setuid(0))\n"
    ),
}

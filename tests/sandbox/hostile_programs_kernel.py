"""Attacks on the kernel: powers that a program has not, and ways around the list of calls."""

from __future__ import annotations

from hostile_programs import attack

__all__ = ["PROGRAMS"]

_POWER = "gain a power that it has not"

PROGRAMS = [
    attack(
        "another user",
        _POWER,
        """
def attack(facts):
    found = [call(105, 0), call(106, 0), call(113, -1, 0), call(114, -1, 0), call(117, 0, 0, 0),
             call(119, 0, 0, 0), call(116, 0, None), call(122, 0), call(123, 0),
             call(126, b"\\0" * 8, b"\\0" * 24)]
    return [one for one in found if one] or (os.getuid() == 0 or None)
""",
    ),
    attack(
        "namespaces and mounts",
        _POWER,
        """
def attack(facts):
    flags = (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x2000000, 0x4000000)
    found = [call(272, flag) for flag in flags] + [call(308, 3, 0)]
    found += [call(165, b"none", b"/", b"tmpfs", 0, None), call(166, b"/", 2), call(161, b"/"),
              call(155, b"/", b"/"), call(428, -100, b"/", 1), call(430, b"tmpfs", 0),
              call(432, 3, 0), call(442, -100, b"/", 0, None, 0), call(80, b"/"), call(81, 3)]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "threads with namespaces of their own",
        _POWER,
        """
def attack(facts):
    thread = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000
    flags = (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x2000000, 0x4000000, 0x80)
    found = []
    for flag in flags:
        # Without the shared parts that the kernel wants of a thread, and with them
        for shared in (thread, thread & ~0x200, 0x10000):
            if call(56, ctypes.c_ulong(shared & ~0x100 | flag), None, None, None, None):
                found.append(hex(shared | flag))
    return found or None
""",
    ),
    attack(
        "large parts of the kernel",
        _POWER,
        """
def attack(facts):
    room = ctypes.create_string_buffer(256)
    found = [call(425, 8, room), call(321, 0, room, 128), call(298, room, 0, -1, -1, 0),
             call(323, 0), call(248, b"user", b"x", b"y", 1, -2), call(250, 0, -2, 0),
             call(304, 3, room, 0), call(303, -100, b"/", room, room, 0), call(253), call(294, 0),
             call(300, 0, 0), call(175, room, 1, b""), call(246, 0, 0, 0, 0), call(169, 0, 0, 0, 0),
             call(170, b"x", 1), call(171, b"x", 1), call(227, 0, room), call(159, room),
             call(179, 0, None, 0, None), call(163, None), call(173, 0, 0, 0), call(172, 3),
             call(103, 10, None, 0), call(206, 1, room), call(222, 0, None, room),
             call(425, 1, room), call(444, None, 0, 1), call(446, 3, 0), call(317, 1, 0, room)]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "what it is allowed to be, changed",
        _POWER,
        """
def attack(facts):
    found = [call(157, option, value, 0, 0, 0) for option, value in
             ((1, 0), (4, 1), (8, 1), (22, 0), (23, 0), (24, 0), (28, 0), (35, 1), (36, 1), (38, 0),
              (47, 2), (0x59616D61, -1), (0x53564D41, 0), (55, 1), (59, 0))]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "input to a terminal",
        _POWER,
        """
import fcntl
def attack(facts):
    found = [attempt(lambda: fcntl.ioctl(one, request, b"x" * 64)) for one in (0, 1, 2)
             for request in (0x5412, 0x541D, 0x540E, 0x5402, 0x541C, 0x5414)]
    return [one for one in found if one] or None
""",
    ),
    attack(
        "calls of a 32-bit machine",
        "go around the list of calls",
        """
import mmap
def attack(facts):
    # mov eax, 20 (getpid of i386); int 0x80; ret
    code = bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3])
    room = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    room.write(code)
    place = ctypes.addressof(ctypes.c_char.from_buffer(room))
    return ctypes.CFUNCTYPE(ctypes.c_int)(place)()
""",
        "crash",
    ),
    attack(
        "calls of the x32 machine",
        "go around the list of calls",
        """
def attack(facts):
    found = [call(0x40000000 | number, 0, 0, 0) for number in (39, 57, 41, 62, 512, 520, 521)]
    return [one for one in found if one] or None
""",
    ),
]

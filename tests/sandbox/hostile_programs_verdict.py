"""Attacks on the verdict: to look right without being it, or to confuse the one who judges."""

from __future__ import annotations

from hostile_programs import attack, program, solve

__all__ = ["PROGRAMS"]

_LOOK_RIGHT = "look right"

PROGRAMS = [
    solve(
        "an object that is equal to everything",
        _LOOK_RIGHT,
        """
class Anything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 42
def solve(x): return Anything()
""",
        "value",
    ),
    solve(
        "an integer that is equal to everything",
        _LOOK_RIGHT,
        """
class Anything(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
    def __int__(self): return 42
    def __index__(self): return 42
    def __format__(self, how): return "2a"
def solve(x): return Anything(0)
""",
        "value",
    ),
    solve(
        "a list that is equal to everything",
        _LOOK_RIGHT,
        """
class Anything(list):
    def __eq__(self, other): return True
    def __iter__(self): return iter([42])
def solve(x): return Anything([0])
""",
        "value",
    ),
    solve(
        "an object that claims another class",
        _LOOK_RIGHT,
        """
class Anything:
    __class__ = property(lambda self: int)
    def __eq__(self, other): return True
def solve(x): return Anything()
""",
        "error",
    ),
    solve(
        "a number that is no number",
        _LOOK_RIGHT,
        "def solve(x): return float('nan')",
        "value",
    ),
    solve("a number of 250,000 digits", _LOOK_RIGHT, "def solve(x): return 10**250_000", "value"),
    solve(
        "an exit that looks clean",
        _LOOK_RIGHT,
        "def solve(x): os._exit(0)",
        "crash",
    ),
    solve("sys.exit in a call", _LOOK_RIGHT, "def solve(x): sys.exit(0)", "error"),
    solve("sys.exit while it loads", _LOOK_RIGHT, "sys.exit(0)", "error"),
    solve("os._exit while it loads", _LOOK_RIGHT, "os._exit(0)", "crash"),
    solve(
        "an end by a signal of its own",
        _LOOK_RIGHT,
        "import signal\ndef solve(x): os.kill(os.getpid(), signal.SIGKILL)",
        "crash",
    ),
    solve(
        "an error that has no words",
        _LOOK_RIGHT,
        """
class Silent(Exception):
    def __str__(self): raise SystemExit(0)
def solve(x): raise Silent
""",
        "error",
    ),
    solve(
        "an error that never ends its words",
        "hold up the judge",
        """
class Endless(Exception):
    def __str__(self):
        while True: pass
def solve(x): raise Endless
""",
        "timeout",
    ),
    solve(
        "a passed test as an error",
        _LOOK_RIGHT,
        "def solve(x): raise type('Passed', (BaseException,), {})('ok \\ud800\\x1b[2J' * 9999)",
        "error",
    ),
    solve(
        "a marker on every output",
        _LOOK_RIGHT,
        """
def solve(x):
    for place in (sys.stdout, sys.stderr, sys.__stdout__):
        print("PASS\\nok\\n42", file=place, flush=True)
    for one in (0, 1, 2): attempt(lambda: os.write(one, b"PASS 42"))
""",
        "value",
    ),
    solve(
        "an answer without a question",
        _LOOK_RIGHT,
        """def solve(x): say(frame('{"value":{"i":"2a"}}'))""",
        "protocol",
    ),
    solve(
        "an answer ahead of its question",
        _LOOK_RIGHT,
        """
say(frame('{"ready":true}') + frame('{"value":{"i":"2a"}}') + frame('{"value":{"i":"2a"}}'))
def solve(x): return 0
""",
        "protocol",
    ),
    solve(
        "a second lockdown",
        _LOOK_RIGHT,
        """def solve(x): say(frame('{"locked":true}'))""",
        "protocol",
    ),
    solve(
        "a claim that nothing was locked",
        "call itself the machine's fault",
        """
say(frame('{"unlocked":"no Landlock"}'))
os._exit(0)
""",
        "protocol",
    ),
    solve(
        "a claim that the machine is starved",
        "call itself the machine's fault",
        """def solve(x): raise RuntimeError("can't start new thread")""",
        "error",
    ),
    solve(
        "an opaque value made equal",
        _LOOK_RIGHT,
        """
import builtins
from prefkit.sandbox.inside import candidate, values
values.Opaque.__eq__ = lambda self, other: True
builtins.isinstance = lambda *_: True
builtins.all = builtins.any = builtins.bool = lambda *_: True
builtins.len = lambda *_: 42
def solve(x): return object()
""",
        "crash",
    ),
    solve(
        "an encoder that says opaque things",
        _LOOK_RIGHT,
        """
from prefkit.sandbox.inside import candidate
candidate.encode = lambda value: {"o": "42"}
def solve(x): return 0
""",
        "value",
    ),
    solve(
        "integers changed in memory",
        "change what 0 is for the next, or for the parent",
        """
def solve(x):
    ctypes.memmove(id(0) + 24, id(42) + 24, 4)
    ctypes.memmove(id(42) + 24, id(41) + 24, 4)
    return 0
""",
        "value error crash protocol timeout",
    ),
    solve(
        "recursion without end",
        "crash anything but itself",
        """
sys.setrecursionlimit(10**9)
def solve(x):
    class Deep:
        def __getattr__(self, name): return getattr(self, name + "x")
    return Deep().x
""",
        "error crash timeout",
    ),
    solve(
        "a clock that was patched",
        "look fast",
        """
import time
def solve(x):
    sleep = time.sleep
    time.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0.0
    sleep(0.3)
    return "slow"
""",
        "value",
    ),
    solve(
        "frames and objects searched for what is expected",
        "find what the caller knows",
        """
import gc
def solve(x):
    found, frame = [], sys._getframe()
    while frame is not None:
        found.append(repr([*frame.f_locals.values()]))
        frame = frame.f_back
    for one in gc.get_objects():
        if type(one) in (dict, list, tuple, set):
            found.append(str([x for x in (one.values() if type(one) is dict else one)
                              if type(x) in (str, bytes, int)]))
    return "".join(found)[:900_000]
""",
        "value",
    ),
    attack(
        "modules poisoned for the next candidate",
        "reach the next candidate",
        """
import builtins, json, math
from prefkit.sandbox.inside import candidate, runner, values
candidate.serve = runner.serve = lambda channel: 0
candidate.send = None
runner._run = runner.lock = lambda *_: None
math.floor = json.dumps = None
builtins.sum = builtins.print = None
values.encode = values.decode = None
def attack(facts): return None
""",
        "crash",
    ),
    attack(
        "a module left where imports look",
        "reach the next candidate",
        """
def attack(facts):
    found = []
    for place in [*sys.path, "/app", "/py/lib/python3.11", os.path.dirname(os.__file__)]:
        if attempt(lambda: open(os.path.join(place, "sitecustomize.py"), "w").write("1/0")):
            found.append(place)
    return found or None
""",
    ),
    program(
        "a program that prints a marker and exits",
        _LOOK_RIGHT,
        "print('PASS 42 ok')\nos._exit(0)",
        "value",
    ),
    program(
        "a program that prints what is right and then fails",
        _LOOK_RIGHT,
        "print(42)\nsys.exit(1)",
        "error",
    ),
    program(
        "a program that claims success on the channel",
        _LOOK_RIGHT,
        """say(frame('{"ready":true}') + frame('{"value":{"i":"2a"}}'))""",
        "protocol",
    ),
    program(
        "a program that prints what is right and never ends",
        _LOOK_RIGHT,
        "print(42, flush=True)\nwhile True: pass",
        "timeout",
    ),
    program(
        "a program that closes everything and lives on",
        "hold up the judge, or be the machine's fault",
        "os.closerange(0, 256)\nwhile True: pass",
        "timeout",
    ),
]

"""Honest programs that a sandbox must not hold up: a call to `honest()` answers each with true."""

from __future__ import annotations

__all__ = ["NEEDS_NUMPY", "PROGRAMS"]

PROGRAMS = {
    "threads": """
import threading
def honest():
    found = []
    many = [threading.Thread(target=found.append, args=(k,)) for k in range(20)]
    for one in many: one.start()
    for one in many: one.join()
    return sorted(found) == list(range(20))
""",
    "a pool of threads": """
from concurrent.futures import ThreadPoolExecutor
def honest():
    with ThreadPoolExecutor(16) as pool: return sum(pool.map(abs, range(-50, 0))) == 1275
""",
    "a large stack for a thread": """
import sys, threading
def honest():
    sys.setrecursionlimit(200_000)
    threading.stack_size(64 << 20)
    found = []
    def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
    one = threading.Thread(target=lambda: found.append(deep(100_000)))
    one.start(); one.join()
    return found == [100_000]
""",
    "asyncio": """
import asyncio
async def later(x):
    await asyncio.sleep(0.001)
    return x
async def main():
    queue = asyncio.Queue()
    await queue.put(3)
    loop = asyncio.get_running_loop()
    apart = await loop.run_in_executor(None, lambda: 4)
    return sum(await asyncio.gather(*map(later, range(5)))) + await queue.get() + apart
def honest(): return asyncio.run(main()) == 17
""",
    "dataclasses": """
from dataclasses import dataclass, asdict
@dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int = 2
def honest(): return asdict(Point(1)) == {"x": 1, "y": 2} and Point(1) < Point(2)
""",
    "decimal and fractions": """
from decimal import Decimal, getcontext
from fractions import Fraction
def honest():
    getcontext().prec = 50
    return str(Decimal(1) / 7)[:12] == "0.1428571428" and Fraction(1, 3) * 3 == 1
""",
    "prints": """
import sys
def honest():
    print("hello", 3, sep="\\n", flush=True)
    print("careful", file=sys.stderr)
    return True
""",
    "recursion at the usual limit": """
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
def honest(): return deep(900) == 900
""",
    "deep recursion": """
import sys
sys.setrecursionlimit(20_000)
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
def honest(): return deep(19_000) == 19_000
""",
    "deep recursion through a cache": """
import functools, sys
sys.setrecursionlimit(20_000)
@functools.lru_cache(None)
def steps(n): return 0 if n == 0 else 1 + steps(n - 1)
def honest(): return steps(9_000) == 9_000
""",
    "a stack of its own choice": """
import resource, sys
resource.setrlimit(resource.RLIMIT_STACK, (128 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
def honest(): return True
""",
    "files of the standard library": """
import difflib, html.entities, http, string, textwrap, zoneinfo, sqlite3, csv, xml.etree.ElementTree
def honest():
    base = sqlite3.connect(":memory:")
    return base.execute("select 1 + 1").fetchone() == (2,)
""",
    "time": """
import time
def honest():
    began = time.perf_counter()
    time.sleep(0.01)
    return time.perf_counter() - began >= 0.01 and time.time() > 1e9 and time.localtime()[0] > 2020
""",
    "random numbers": """
import os, random, secrets, uuid
def honest(): return len(os.urandom(8)) == 8 and len({uuid.uuid4(), uuid.uuid4()}) == 2
""",
    "a hundred megabytes": """
def honest(): return len(bytearray(100_000_000)) == 100_000_000
""",
    "signals of its own": """
import signal
def honest():
    heard = []
    signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    return heard == [1]
""",
}

NEEDS_NUMPY = """
import numpy as np
def honest():
    many = np.arange(12.0).reshape(3, 4)
    return (many @ many.T).shape == (3, 3) and bool(np.linalg.inv(np.eye(3)).sum() == 3)
def number(): return np.float64(1.5), np.int64(3), np.bool_(True)
"""

"""A process that takes the claims on the command line, says which it got, and waits to be told.

python claims_child.py FILE KEY ...
"""

from __future__ import annotations

import sys
from pathlib import Path

from prefkit.llm.keeping.claims import Claims

if __name__ == "__main__":
    claims = Claims(Path(sys.argv[1]))
    sys.stdout.write(f"{' '.join(key for key in sys.argv[2:] if claims.take(key))}\n")
    sys.stdout.flush()
    for line in sys.stdin:  # a key to give back
        claims.give_back(line.strip())
        sys.stdout.write("given back\n")
        sys.stdout.flush()

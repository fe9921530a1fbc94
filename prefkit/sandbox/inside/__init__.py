"""What runs inside a sandbox: standard library only, as nothing else is there to import.

The folder is the only part of prefkit that a sandbox sees. `runner` is its first process and is
trusted; `candidate` is what a fork of it becomes, and from the moment it runs foreign code nothing
that it says is believed: the parent outside rebuilds and judges plain data.
"""

"""Callers are made once for all tests of the sandbox."""

from callers import callers  # noqa: F401, a fixture

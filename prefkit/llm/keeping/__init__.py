"""Answers on disk before they count, and each request in flight once among all processes."""

"""Sampling plans: which pairs people look at, and what that can show."""

"""The speeds and memory that prefkit claims, measured against named engines in one run."""

"""Candidates executed: how many in a second of the processor, beside other harnesses."""

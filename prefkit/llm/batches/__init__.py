"""Batch jobs of providers: paid once, found again after a kill, collected row by row."""

"""What every page of the project is made of: safe text, charts, one shell with a strict policy."""

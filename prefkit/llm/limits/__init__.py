"""How fast may be asked, how often again, and when to stop."""

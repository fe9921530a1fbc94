"""Many votes on an item to one answer with a probability, and how good each judge is."""

"""How many words have to be put in, taken out or replaced to make one text of another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

__all__ = ["edit_distance"]


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The Levenshtein distance of two sequences.

    Cost: some operations on numbers of `len(one)` bits for each element of `other`; about 0.2 ms
    for 200 elements each.

    Source: the bit-parallel form of Hyyrö (2003) after Myers (1999).
    """
    if not one or not other:
        return len(one) + len(other)
    places: dict[Hashable, int] = {}
    for place, element in enumerate(one):
        places[element] = places.get(element, 0) | (1 << place)
    everywhere, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    # Of a column of distances the rows in which it grows or falls by one against the row before.
    grows, falls, distance = everywhere, 0, len(one)
    for element in other:
        equal = places.get(element, 0)
        level = (((equal & grows) + grows) ^ grows) | equal | falls
        rises = falls | (everywhere & ~(level | grows))
        sinks = grows & level
        distance += bool(rises & last) - bool(sinks & last)
        rises = (rises << 1) | 1
        grows = everywhere & ((sinks << 1) | ~(level | rises))
        falls = rises & level
    return distance

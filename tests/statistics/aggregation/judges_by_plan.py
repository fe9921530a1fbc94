"""Votes of judges of known accuracy."""

from __future__ import annotations

import numpy as np

from prefkit.statistics.aggregation.labels import Labels


def votes_of(table, classes):
    """Votes of a matrix items x judges; -1 where a judge did not vote."""
    codes = np.asarray(table)
    items, judges = np.nonzero(codes >= 0)
    return Labels(items, judges, codes[items, judges], *codes.shape, classes)


def planted(items, accuracies, each, classes=2, seed=0):
    """Votes of `each` judges an item, errors even over the other classes; and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, items)
    count = len(accuracies)
    judges = np.argsort(rng.random((items, count)), axis=1)[:, :each].reshape(-1)
    lines = np.repeat(np.arange(items), each)
    right = rng.random(len(lines)) < np.asarray(accuracies)[judges]
    wrong = (truth[lines] + rng.integers(1, classes, len(lines))) % classes
    return Labels(lines, judges, np.where(right, truth[lines], wrong), items, count, classes), truth


def sharing(items, sharers, judges, seed=0):
    """Votes of judges right 3 times in 4, of whom some mostly follow one cue; and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, items)
    right = rng.random((items, judges)) < 0.75
    cue, follows = rng.random(items) < 0.75, rng.random((items, judges)) < 0.8
    for judge in range(sharers):
        right[:, judge] = np.where(follows[:, judge], cue, right[:, judge])
    return votes_of(np.where(right, truth[:, None], 1 - truth[:, None]), 2), truth

"""Dynamic time warping: the one way through a matrix of tokens and moments that is cheapest and never goes back."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]
BOTH, UP, LEFT = range(3)


def path_through(costs: Costs) -> list[tuple[int, int]]:
    """The (row, column) pairs from the first to the last; of equally cheap ways the one that stays in its row.

    Sakoe & Chiba 1978, with steps of one row, one column, or both, as in OpenAI's whisper/timing.py.
    """
    total = _totals(costs)
    both, up, left = total[:-1, :-1], total[:-1, 1:], total[1:, :-1]
    steps = np.where((both < up) & (both < left), BOTH, np.where((up < both) & (up < left), UP, LEFT))
    came_by = steps.astype(np.uint8).tobytes()  # read one by one, bytes are twenty times as fast as an array
    row, column, columns = costs.shape[0] - 1, costs.shape[1] - 1, costs.shape[1]
    path = []
    while row >= 0 and column >= 0:
        path.append((row, column))
        step = came_by[row * columns + column]
        row -= step != LEFT
        column -= step != UP
    return path[::-1]


def first_columns(costs: Costs) -> list[int]:
    """Where each row of the cheapest way begins, and last the number of columns."""
    path = path_through(costs)
    return [0, *(after[1] for before, after in pairwise(path) if after[0] > before[0]), costs.shape[1]]


def _totals(costs: Costs) -> Costs:
    """The cost of the cheapest way to each place, with a border of places that no way leads through.

    A row at a time, not a place at a time: to arrive from the left at `j` is to enter the row at some `k` before it and
    to pay for all from `k` to `j`, so that running sums and a running minimum say where to enter.
    """
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    for row in range(rows):
        paid = np.concatenate(([0.0], np.cumsum(costs[row])))
        entered = np.minimum(total[row, :-1], total[row, 1:]) - paid[:-1]
        total[row + 1, 1:] = paid[1:] + np.minimum.accumulate(entered)
    return total

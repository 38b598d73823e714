"""Dynamic time warping: the one way through a matrix of tokens and moments that is cheapest and never goes back.

Unlike that of OpenAI's whisper/timing.py (Sakoe & Chiba 1978, with steps of one row, one column, or both), each row
takes at least as many columns as its token takes to be said: else two words can be found in the place of one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]


def first_columns(costs: Costs, shortest: Sequence[int]) -> list[int]:
    """Where each row of the cheapest way begins, and last the number of columns.

    A row takes at least its `shortest` columns, or its share of them where there are too few for all.
    """
    columns = costs.shape[1]
    counts = _within(shortest, columns)
    if sum(counts) > columns:
        # More tokens than moments: no way is better than another.
        return [row * columns // len(costs) for row in range(len(costs))] + [columns]
    begins = _begins(np.repeat(costs, counts, axis=0))
    firsts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return [*(begins[row] for row in firsts), columns]


def _within(shortest: Sequence[int], columns: int) -> list[int]:
    share = min(1.0, columns / sum(shortest))
    return [max(1, int(count * share)) for count in shortest]


def _begins(costs: Costs) -> list[int]:
    """Where each row of the cheapest way begins on which every row takes at least one column."""
    total = _totals(costs)
    row, column = costs.shape[0] - 1, costs.shape[1] - 1
    begins = [0] * len(costs)
    while row > 0:
        while column > row and total[row + 1, column] <= total[row, column]:
            column -= 1
        begins[row] = column
        row, column = row - 1, column - 1
    return begins


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
        total[row + 1, 1:] = paid[1:] + np.minimum.accumulate(total[row, :-1] - paid[:-1])
    return total

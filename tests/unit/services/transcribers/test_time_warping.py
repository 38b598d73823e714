"""Held against the cheapest of all ways, and the library's own median."""

from itertools import combinations

import numpy as np
import pytest
import torch
from transformers.models.whisper.generation_whisper import _median_filter

from services.transcribers.cross_attention import median_filtered
from services.transcribers.time_warping import Costs, first_columns


def cheapest(costs: Costs, shortest: list[int]) -> list[int]:
    """By trying every way."""

    def cost(begins: list[int]) -> float:
        ends = [*begins[1:], costs.shape[1]]
        return sum(
            float(costs[row, begin:end].sum()) for row, (begin, end) in enumerate(zip(begins, ends, strict=True))
        )

    ways = ([0, *others] for others in combinations(range(1, costs.shape[1]), len(costs) - 1))
    lasting = (
        begins
        for begins in ways
        if all(
            end - begin >= least
            for begin, end, least in zip(begins, [*begins[1:], costs.shape[1]], shortest, strict=True)
        )
    )
    return [*min(lasting, key=cost), costs.shape[1]]


@pytest.mark.parametrize("seed", range(40))
def test_the_way_is_the_cheapest_on_which_each_row_has_its_length(seed):
    random = np.random.default_rng(seed)
    shortest = random.integers(1, 4, size=random.integers(1, 5)).tolist()
    costs = random.normal(size=(len(shortest), sum(shortest) + random.integers(0, 8)))
    assert first_columns(costs, shortest) == cheapest(costs, shortest)


def test_a_row_begins_where_it_is_cheap():
    costs = np.ones((3, 9))
    costs[0, :2] = costs[1, 2:6] = costs[2, 6:] = 0
    assert first_columns(costs, [1, 1, 1]) == [0, 2, 6, 9]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (6, 3)])
@pytest.mark.parametrize("shortest", [1, 4])
def test_each_row_has_a_beginning_even_where_there_are_too_few_columns(shape, shortest):
    columns = first_columns(np.random.default_rng(0).normal(size=shape), [shortest] * shape[0])
    assert len(columns) == shape[0] + 1
    assert columns == sorted(columns)
    assert (columns[0], columns[-1]) == (0, shape[1])


@pytest.mark.parametrize("width", [1, 3, 7])
@pytest.mark.parametrize("columns", [2, 3, 4, 50])
def test_the_median_is_the_librarys(width, columns):
    rows = np.random.default_rng(columns).normal(size=(4, columns)).astype(np.float32)
    expected = _median_filter(torch.tensor(rows)[None, None], width)[0, 0].numpy()
    assert np.array_equal(median_filtered(rows, width), expected)

"""Held against the library's own loop, which is slow and right."""

import numpy as np
import pytest
import torch
from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter

from services.transcribers.cross_attention import median_filtered
from services.transcribers.time_warping import first_columns, path_through


@pytest.mark.parametrize("seed", range(40))
def test_the_way_is_the_librarys(seed):
    random = np.random.default_rng(seed)
    costs = random.normal(size=(random.integers(1, 30), random.integers(1, 120)))
    rows, columns = _dynamic_time_warping(costs)
    assert path_through(costs) == list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_a_row_begins_where_it_is_cheap():
    costs = np.ones((3, 9))
    costs[0, :2] = costs[1, 2:6] = costs[2, 6:] = 0
    assert first_columns(costs) == [0, 2, 6, 9]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (6, 3)])
def test_each_row_has_a_beginning_even_where_there_are_more_rows_than_columns(shape):
    columns = first_columns(np.random.default_rng(0).normal(size=shape))
    assert len(columns) == shape[0] + 1
    assert columns == sorted(columns)
    assert (columns[0], columns[-1]) == (0, shape[1])


@pytest.mark.parametrize("width", [1, 3, 7])
@pytest.mark.parametrize("columns", [2, 3, 4, 50])
def test_the_median_is_the_librarys(width, columns):
    rows = np.random.default_rng(columns).normal(size=(4, columns)).astype(np.float32)
    expected = _median_filter(torch.tensor(rows)[None, None], width)[0, 0].numpy()
    assert np.array_equal(median_filtered(rows, width), expected)

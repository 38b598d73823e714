"""Children that decode, for the tests of what becomes of recordings."""

from collections.abc import Iterator

import pytest

from services.audio.children import Children


@pytest.fixture
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.close()

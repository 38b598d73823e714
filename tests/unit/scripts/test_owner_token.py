import stat
from pathlib import Path

import pytest

from scripts.owner_token import TokenNotKept, known_token, owner_token
from tests.factories import settings_with


def test_a_new_token_is_kept_for_its_owner_alone_and_used_again(tmp_path: Path):
    settings = settings_with(data_dir=tmp_path / "var")
    assert known_token(settings) is None
    token = owner_token(settings)
    assert len(token) >= 43
    assert owner_token(settings) == known_token(settings) == token
    assert [path.name for path in settings.data_dir.iterdir()] == ["token"]
    assert stat.S_IMODE((settings.data_dir / "token").stat().st_mode) == 0o600


def test_each_data_directory_has_a_token_of_its_own(tmp_path: Path):
    assert owner_token(settings_with(data_dir=tmp_path / "a")) != owner_token(settings_with(data_dir=tmp_path / "b"))


def test_a_token_that_was_given_wins_and_is_not_kept(tmp_path: Path):
    kept = owner_token(settings_with(data_dir=tmp_path))
    given = settings_with(data_dir=tmp_path, bootstrap_token="given-0123456789")
    assert owner_token(given) == known_token(given) == "given-0123456789"
    assert owner_token(settings_with(data_dir=tmp_path)) == kept


@pytest.mark.parametrize("content", [b"", b"short\n", b"two words, not a token", b"\xff\xfe" * 20, b"one\nand another"])
def test_a_file_that_holds_no_token_is_replaced(tmp_path: Path, content: bytes):
    (tmp_path / "token").write_bytes(content)
    settings = settings_with(data_dir=tmp_path)
    assert known_token(settings) is None
    assert owner_token(settings) == known_token(settings)


def test_where_nothing_can_be_written_it_says_what_to_set(tmp_path: Path):
    (tmp_path / "var").write_text("a file, not a directory")
    with pytest.raises(TokenNotKept, match="set DATA_DIR or BOOTSTRAP_TOKEN"):
        owner_token(settings_with(data_dir=tmp_path / "var"))


def test_what_cannot_be_kept_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "token").mkdir()
    with pytest.raises(TokenNotKept):
        owner_token(settings_with(data_dir=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["token"]

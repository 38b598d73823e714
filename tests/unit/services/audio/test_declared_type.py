import pytest

from services.audio.declared_type import CONTAINERS, declared_type, require_declared
from services.audio.signature import container_of
from services.errors import UnsupportedRecording
from tests.factories import wav_of


@pytest.mark.parametrize(
    "written", ["audio/webm", "audio/webm;codecs=opus", 'Audio/WebM ; codecs="opus"', " audio/webm"]
)
def test_what_recorders_write_is_read(written: str):
    assert declared_type(written) == "audio/webm"


@pytest.mark.parametrize("written", ["", ";", "audio", "audio/*", "text/html", "audio/webm, text/html", "image/avif"])
def test_what_is_no_container_of_ours_is_refused(written: str):
    with pytest.raises(UnsupportedRecording):
        declared_type(written)


def test_every_container_that_is_told_by_its_bytes_has_a_name():
    named = frozenset().union(*CONTAINERS.values())
    assert named == {f"audio/{name}" for name in ("webm", "matroska", "ogg", "mp4", "mpeg", "wav", "flac", "aac")}
    assert named <= CONTAINERS.keys()
    for name in named:
        require_declared(name, name)


def test_a_recording_has_to_be_what_it_was_declared_as():
    require_declared("audio/x-wav", container_of(wav_of(0.1)))
    with pytest.raises(UnsupportedRecording) as refused:
        require_declared("audio/webm", container_of(wav_of(0.1)))
    assert refused.value.code == "not_the_declared_type"

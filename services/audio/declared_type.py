"""What a client may call a recording, and which containers it may then turn out to be."""

from collections.abc import Mapping

from services.errors import UnsupportedRecording

# Browsers call one format by another's name: what `MediaRecorder` calls webm has been matroska, and the reverse.
_MATROSKA = frozenset({"audio/webm", "audio/matroska"})
_OGG, _MP4, _MPEG = frozenset({"audio/ogg"}), frozenset({"audio/mp4"}), frozenset({"audio/mpeg"})
_WAV, _FLAC, _AAC = frozenset({"audio/wav"}), frozenset({"audio/flac"}), frozenset({"audio/aac"})
CONTAINERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("audio/webm", "video/webm", "audio/matroska", "audio/x-matroska", "video/x-matroska"), _MATROSKA),
    **dict.fromkeys(("audio/ogg", "application/ogg", "audio/opus"), _OGG),
    **dict.fromkeys(("audio/mp4", "video/mp4", "audio/m4a", "audio/x-m4a"), _MP4),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), _MPEG),
    **dict.fromkeys(("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"), _WAV),
    **dict.fromkeys(("audio/flac", "audio/x-flac"), _FLAC),
    **dict.fromkeys(("audio/aac", "audio/aacp", "audio/x-aac"), _AAC),
}


def declared_type(content_type: str) -> str:
    """`Audio/WebM; codecs=opus` as `audio/webm`; raises `UnsupportedRecording` for what is no accepted container."""
    found = content_type.partition(";")[0].strip().lower()
    if found not in CONTAINERS:
        raise UnsupportedRecording("Recordings of this type are not accepted. Please send webm, ogg, mp4, mp3 or wav.")
    return found


def require_declared(declared: str, container: str) -> None:
    """Raise `UnsupportedRecording` when a recording of a declared type turned out to be something else."""
    if container not in CONTAINERS[declared]:
        message = f"The recording was declared as {declared}, and what has come is {container}."
        raise UnsupportedRecording(message, code="not_the_declared_type")

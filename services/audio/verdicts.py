"""What is said of a recording that can never be transcribed. Free of PyAV: whoever waits for a decoder says it too."""

from services.errors import RecordingRejected


def bad_audio() -> RecordingRejected:
    """For a recording in which nothing can be heard."""
    return RecordingRejected("The recording is damaged and cannot be heard. Please record the answer again.")


def no_audio_track() -> RecordingRejected:
    """For pictures without sound."""
    return RecordingRejected("The recording has no audio track.", code="no_audio_track")


def too_long(max_seconds: float) -> RecordingRejected:
    """For a recording with more samples than an answer may have, whatever it declares."""
    message = f"The recording is longer than {max_seconds:g} seconds, the longest that is accepted."
    return RecordingRejected(message, code="too_long")

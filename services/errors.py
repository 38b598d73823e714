"""What can go wrong, by what the caller can do about it.

ParleyError
├── NotFound                nothing there, or nothing of yours (the two are never told apart)
├── Unauthorized            no valid credential
├── Forbidden               a valid credential without this right
│   └── ConsentRequired        no recording of whom it is of without a consent
├── InvalidRequest          refused at the door; nothing was stored
│   ├── UnsupportedRecording   not audio by its container signature
│   └── RecordingTooLarge      more bytes than a recording may have
├── Conflict                what is there stands against it: not in this state, or done at this moment by another
├── PreconditionRequired    an edit has to say which revision it is an edit of
├── PreconditionFailed      that revision is not the newest any more
├── TooManyRequests         more than this caller may ask for now
├── Unavailable             a server we need is away for the moment; try again
│   └── TranscriberUnavailable the speech model cannot be loaded
├── WorkRejected            accepted, but it can never be done: no further attempt is made
│   └── RecordingRejected      it can never be transcribed: too long, corrupt, without an audio track
├── TranscriptionFailed     this attempt went wrong; another may not
└── LeaseLost               another worker, a new recording or an erasure took the work away
"""


class ParleyError(Exception):
    """Raised as one of its kinds below; `message` is safe to show, `code` is for programs."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class NotFound(ParleyError):
    """Raised when something does not exist or does not belong to the caller."""

    code = "not_found"


class Unauthorized(ParleyError):
    """Raised when a request carries no valid credential."""

    code = "unauthorized"


class Forbidden(ParleyError):
    """Raised when the credential is valid but does not allow this."""

    code = "forbidden"


class ConsentRequired(Forbidden):
    """Raised when a recording comes without a consent to it, or after that was withdrawn; nothing was stored."""

    code = "consent_required"

    def __init__(self) -> None:
        super().__init__("Recordings are taken only with the consent of whoever speaks. Please give it first.")


class InvalidRequest(ParleyError):
    """Raised when a request is refused before anything is stored."""

    code = "invalid_request"


class UnsupportedRecording(InvalidRequest):
    """Raised when the bytes are not one of the accepted audio containers."""

    code = "unsupported_media_type"


class RecordingTooLarge(InvalidRequest):
    """Raised when a recording has more bytes than allowed."""

    code = "recording_too_large"


class Conflict(ParleyError):
    """Raised when the state of a thing does not allow what was asked."""

    code = "conflict"


def already_submitted() -> Conflict:
    """What whoever would change an answer of a submitted interview is told."""
    return Conflict("The interview was submitted; its answers stay as they are.", code="already_submitted")


class PreconditionRequired(ParleyError):
    """Raised when an edit does not say which revision it changes."""

    code = "precondition_required"


class PreconditionFailed(ParleyError):
    """Raised when an edit was made to a revision that is not the newest any more."""

    code = "precondition_failed"


class TooManyRequests(ParleyError):
    """Raised when a caller asks for more than its share; nothing was stored."""

    code = "too_many_requests"

    def __init__(self, message: str, *, code: str | None = None, retry_after_seconds: int = 5) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ParleyError):
    """Raised when a server we depend on does not answer; nothing was promised, trying again is right."""

    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_seconds: int = 5) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class TranscriberUnavailable(Unavailable):
    """Raised when the speech model cannot be loaded."""

    code = "transcriber_unavailable"


class WorkRejected(ParleyError):
    """Raised by work that no further attempt can do."""

    code = "rejected"


class RecordingRejected(WorkRejected):
    """Raised after acceptance when a recording can never be transcribed; trying again changes nothing."""

    code = "bad_audio"


class TranscriptionFailed(ParleyError):
    """Raised when one attempt failed for a reason that may pass."""

    code = "transcription_failed"


class LeaseLost(ParleyError):
    """Raised when a write finds that the answer is no longer ours."""

    code = "lease_lost"

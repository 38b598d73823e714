"""Why a model gave no feedback, by what a further try can do about it.

EvaluationFailed
├── ModelRefused        the same question would be refused again
├── ModelUnavailable    it may answer later: away, busy, too slow
└── OutputInvalid       it answered, and what it said cannot be used; asked again it may do better
"""

from services.errors import ParleyError


class EvaluationFailed(ParleyError):
    """Raised as one of its kinds; `code` is told in the metadata of the feedback that takes its place."""

    code = "evaluation_failed"


class ModelRefused(EvaluationFailed):
    """Raised where trying again changes nothing; `is_about_request`: another form of the request may be taken."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, is_about_request: bool = False) -> None:
        super().__init__(message, code=code)
        self.is_about_request = is_about_request


class ModelUnavailable(EvaluationFailed):
    """Raised where trying again may help; `retry_after_seconds` is what the server asked for."""

    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class OutputInvalid(EvaluationFailed):
    """Raised for what a model said and nobody may store."""

    code = "invalid_output"

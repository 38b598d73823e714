"""What a person is told once the service runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from config import Settings

LOCALHOST = ("127.0.0.1", "localhost", "::1")
DEMO_MODEL = """\
  !!  DEMO MODEL: it was trained on synthetic speech with a few hundred words and understands
  !!  hardly anything else. For real recordings set WHISPER_MODEL, e.g. openai/whisper-base."""


def announcement(
    settings: Settings, readiness: Mapping[str, Any], *, token: str, embedded_uri: str | None
) -> Iterator[str]:
    """The lines to print: the link, where uploads go, the model, where the data is and how to clean it, how to stop.

    `readiness` is the body of `/readyz`, `embedded_uri` that of the MongoDB we started ourselves.
    """
    url = settings.public_url
    yield ""
    yield f"Parley is ready:  {url}/?token={token}"
    yield f"  uploads         POST {url}/api/upload-answer/{{session_id}}/{{question_id}}"
    yield f"  API             {url}/api/docs"
    where = f"MONGODB_URI='{embedded_uri}' " if embedded_uri else ""
    yield f"  data            {settings.data_dir if embedded_uri else 'in the MongoDB of MONGODB_URI'}"
    yield f"  cleanup         {where}.venv/bin/python -m scripts.cleanup_audio"
    if settings.is_in_process:
        yield f"  speech model    {readiness.get('whisper_model') or 'unknown'}"
    else:
        yield f"  transcription   by workers over Redis; start one or more with: {where}make worker"
    if readiness.get("demo_model"):
        yield DEMO_MODEL
    if settings.host not in LOCALHOST and url.startswith("http://"):
        yield "  microphone      browsers give it only to https or localhost: put a TLS proxy in front, set PUBLIC_URL"
    yield "Ctrl-C stops it; what is stored stays."
    yield ""

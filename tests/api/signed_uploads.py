"""Asking for a signed address and sending a recording there."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.conftest import Interview
from tests.factories import wav_of

WAV = wav_of(0.2)
# Another recording of the same length.
OTHER_WAV = WAV[:-1] + bytes([WAV[-1] ^ 1])


@dataclass(frozen=True)
class Address:
    """A signed address, taken apart."""

    path: str
    query: tuple[tuple[str, str], ...]
    object_key: str
    expires_at: str

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.query)}"

    @property
    def signature(self) -> str:
        return dict(self.query)["signature"]

    def but(self, **changes: str) -> "Address":
        """With other values for some parameters."""
        return replace(self, query=tuple((name, changes.get(name, value)) for name, value in self.query))


def address_of(reply: TestResponse) -> Address:
    assert reply.status_code == 201, reply.text
    body = reply.get_json()
    url = urlsplit(body["url"])
    assert f"{url.scheme}://{url.netloc}" == "http://127.0.0.1:8000"
    return Address(url.path, tuple(parse_qsl(url.query)), body["object_key"], body["expires_at"])


def intent(interview: Interview, **changes: Any) -> dict[str, Any]:
    wanted = {"session_id": interview.id, "question_id": "q1", "content_type": "audio/wav", "bytes": len(WAV)}
    return {name: value for name, value in {**wanted, **changes}.items() if value is not None}


def presign(
    client: FlaskClient, interview: Interview, headers: dict[str, str] | None = None, **changes: Any
) -> TestResponse:
    shown = interview.candidate if headers is None else headers
    return client.post("/api/uploads/audio/presign", json=intent(interview, **changes), headers=shown)


def address_for(client: FlaskClient, interview: Interview, **changes: Any) -> Address:
    return address_of(presign(client, interview, **changes))


def put(client: FlaskClient, address: Address, content: bytes = WAV, **options: Any) -> TestResponse:
    """As somebody without any other credential."""
    options.setdefault("content_type", "audio/wav")
    return client.put(address.target, data=content, **options)


def use(
    client: FlaskClient, interview: Interview, object_key: str, question_id: str = "q1", **options: Any
) -> TestResponse:
    headers = options.pop("headers", interview.candidate)
    path = f"{interview.upload_path(question_id)}/from-upload"
    return client.post(path, json={"object_key": object_key, **options}, headers=headers)

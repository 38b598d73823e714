"""A Hugging Face hub on this machine: enough of its protocol to look a model up and to download it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class LocalHub(ThreadingHTTPServer):
    """Serves one directory as the repository `repo`, in one revision; `requests` are the paths that were asked for."""

    def __init__(self, repo: str, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), HubRequest)
        self.repo = repo
        self.directory = directory
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class HubRequest(BaseHTTPRequestHandler):
    server: LocalHub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *args: object) -> None:
        """Stay quiet."""

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path
        self.server.requests.append(path)
        hub, files = self.server, sorted(file.name for file in self.server.directory.iterdir())
        model, name = f"/api/models/{hub.repo}", path.rpartition("/")[2]
        if path in (model, f"{model}/revision/main", f"{model}/revision/{COMMIT}"):
            body = {"id": hub.repo, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
            self._send(200, json.dumps(body).encode(), with_body)
        elif path == f"{model}/tree/{COMMIT}":
            self._send(200, json.dumps([self._entry(file) for file in files]).encode(), with_body)
        elif path == f"/{hub.repo}/resolve/{COMMIT}/{name}" and name in files:
            self._send(200, (hub.directory / name).read_bytes(), with_body)
        else:
            code = "RevisionNotFound" if path.startswith(model) else "RepoNotFound"
            self._send(404, b"{}", with_body, {"X-Error-Code": code})

    def _entry(self, file: str) -> dict[str, object]:
        content = (self.server.directory / file).read_bytes()
        return {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def _send(self, status: int, body: bytes, with_body: bool, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        tag = hashlib.sha1(body).hexdigest()
        for name, value in {"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"', **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@contextmanager
def serving(repo: str, directory: Path) -> Iterator[LocalHub]:
    """A hub that runs until the block ends."""
    with LocalHub(repo, directory) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()

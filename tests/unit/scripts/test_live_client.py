import base64
import hashlib
import json
import socket
import threading

from scripts.live_client import LiveClient

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
SNAPSHOT = {"type": "snapshot", "seq": 1, "answers": []}


def test_a_message_that_comes_with_the_reply_to_the_handshake_is_heard_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        threading.Thread(target=_accept_and_send, args=(listener,), daemon=True).start()
        client = LiveClient(f"http://{host}:{port}", "abc", "secret")
        assert client.next(5) == SNAPSHOT
        client.close()


def _accept_and_send(listener: socket.socket) -> None:
    """One packet holds the reply and a text frame, as a quick server sends them; then it waits for the client to go."""
    connection, _ = listener.accept()
    request = connection.recv(65536).decode()
    assert request.startswith("GET /ws/sessions/abc HTTP/1.1")
    assert "Authorization: Bearer secret" in request
    fields = dict(line.split(": ", 1) for line in request.strip().splitlines()[1:])
    key = next(value for name, value in fields.items() if name.lower() == "sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    text = json.dumps(SNAPSHOT).encode()
    reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    reply += f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    with connection:
        connection.sendall(reply.encode() + bytes([0x81, len(text)]) + text)
        connection.recv(65536)

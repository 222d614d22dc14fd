"""A WebSocket client: python3 websocket_client.py PORT [CA]; with a certificate authority, over TLS."""
import os
import socket
import ssl
import sys

from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

port = int(sys.argv[1])
tls = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None


def opened(path, **options):
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    sock.settimeout(None)
    scheme = "ws" if tls is None else "wss"
    options.setdefault("subprotocols", ["chat"])
    uri = f"{scheme}://chat.example{path}"
    return connect(uri, sock=sock, ssl=tls, max_size=None, proxy=None, **options)


def closed_with(connection, kind):
    try:
        while True:
            connection.recv(timeout=60)
    except kind as closed:
        return closed


with opened("/echo") as chat:
    assert chat.subprotocol == "chat"
    for message in ["hello", "", "πρόπυλον", b"\x00\xff" * 100, b""]:
        chat.send(message)
        assert chat.recv(timeout=60) == message
    # A message in fragments, with a ping between two messages.
    chat.send(iter(["one ", "two ", "three"]))
    assert chat.recv(timeout=60) == "one two three"
    assert chat.ping(b"ping").wait(60)
    for length in [125, 126, 65_535, 65_536, 1 << 20, 16 << 20]:
        message = os.urandom(length)
        chat.send(message)
        assert chat.recv(timeout=60) == message, length
    # Many small ones, answered while they are still being sent.
    for at in range(5000):
        chat.send(str(at))
    assert [chat.recv(timeout=60) for _ in range(5000)] == [str(at) for at in range(5000)]
    chat.close(4001, "the client is done")

with opened("/echo", compression=None) as chat:
    chat.send("uncompressed")
    assert chat.recv(timeout=60) == "uncompressed"

with opened("/push") as chat:
    assert [chat.recv(timeout=60) for _ in range(2000)] == [f"event {at}" for at in range(2000)]
    assert chat.recv(timeout=60) == "ponged"

closed = closed_with(opened("/close"), ConnectionClosedError)
assert (closed.rcvd.code, closed.rcvd.reason) == (4002, "the server has had enough"), closed

# A connection that broke must not look as if it had been closed in order.
closed = closed_with(opened("/cut"), ConnectionClosedError)
assert closed.rcvd is None, closed

try:
    opened("/forbidden")
    raise AssertionError("a refused handshake")
except InvalidStatus as refused:
    assert refused.response.status_code == 403, refused
print("done")

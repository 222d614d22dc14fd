"""A browser's gRPC: calls in gRPC-Web's two encodings over HTTP/1.1, as the JavaScript library
makes them. python3 grpc_web_client.py PORT."""
import base64
import http.client
import struct
import sys

from grpc_echo import NAME, Note

PORT = int(sys.argv[1])


def call(method, note, kind, authority="grpc.example"):
    """Status, messages and trailers of one call."""
    message = note.SerializeToString()
    body = struct.pack(">BI", 0, len(message)) + message
    is_text = kind.startswith("application/grpc-web-text")
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    headers = {
        "host": authority,
        "content-type": kind,
        "accept": kind,
        "x-grpc-web": "1",
        "x-user-agent": "grpc-web-javascript/0.1",
    }
    sent = base64.b64encode(body) if is_text else body
    connection.request("POST", f"/{NAME}/{method}", sent, headers)
    answer = connection.getresponse()
    received = answer.read()
    if is_text:
        # Each piece is encoded by itself, with its own padding.
        received = b"".join(
            base64.b64decode(received[at : at + 4]) for at in range(0, len(received), 4)
        )
    connection.close()
    trailers = {
        name: answer.getheader(name)
        for name in ("grpc-status", "grpc-message")
        if answer.getheader(name) is not None
    }
    messages = []
    while received:
        flags, length = struct.unpack(">BI", received[:5])
        part, received = received[5 : 5 + length], received[5 + length :]
        assert len(part) == length, "a frame that was cut"
        if flags & 0x80:
            lines = (line.split(":", 1) for line in part.decode().split("\r\n") if line)
            trailers.update({name.lower(): value.strip() for name, value in lines})
        else:
            messages.append(Note.FromString(part))
    return answer, messages, trailers


for kind in ["application/grpc-web+proto", "application/grpc-web-text+proto"]:
    answer, messages, trailers = call("Say", Note(text="hello"), kind)
    assert answer.status == 200, answer.status
    assert answer.getheader("content-type") == kind, answer.getheader("content-type")
    assert [note.text for note in messages] == ["hello"], messages
    assert trailers["grpc-status"] == "0", trailers

    _, messages, trailers = call("Count", Note(number=100), kind)
    assert [note.number for note in messages] == list(range(100)), len(messages)
    assert trailers["grpc-status"] == "0", trailers

    _, messages, _ = call("Say", Note(body=bytes(300_000)), kind)
    assert len(messages[0].body) == 300_000

    _, messages, trailers = call("Fail", Note(), kind)
    assert messages == [] and trailers["grpc-status"] == "3", trailers
    assert trailers["grpc-message"].startswith("not %CF%80"), trailers

    # The gateway's own answer to a client of gRPC-Web.
    _, messages, trailers = call("Say", Note(), kind, authority="down.example")
    assert messages == [] and trailers["grpc-status"] == "14", trailers
print("done")

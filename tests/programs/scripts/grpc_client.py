"""A gRPC client that makes every kind of call: python3 grpc_client.py PORT [CA]; with a
certificate authority, over TLS."""
import os
import sys
import threading

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from grpc_echo import Note, Stub

PORT = sys.argv[1]
CA = open(sys.argv[2], "rb").read() if len(sys.argv) > 2 else None
# Generous: a busy machine is no bug.
PATIENCE = 90


def stub(authority):
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.default_authority", authority),
        ("grpc.ssl_target_name_override", authority),
        ("grpc.enable_http_proxy", 0),
        # The gateway's answers are what is looked at, not this library's second try.
        ("grpc.enable_retries", 0),
    ]
    if CA is None:
        return Stub(grpc.insecure_channel(f"127.0.0.1:{PORT}", options))
    credentials = grpc.ssl_channel_credentials(CA)
    return Stub(grpc.secure_channel(f"127.0.0.1:{PORT}", credentials, options))


def code_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


echo = stub("grpc.example")


def unary_with_metadata():
    sent = (("x-ask", "please"), ("x-ask-bin", bytes(range(256))))
    answer, call = echo.Say.with_call(Note(text="hello"), metadata=sent, timeout=PATIENCE)
    assert answer.text == "hello"
    assert dict(call.initial_metadata())["x-initial"] == "please"
    trailing = dict(call.trailing_metadata())
    assert trailing["x-trailing"] == "end"
    assert trailing["x-answer-bin"] == bytes(reversed(range(256)))
    assert call.code() == grpc.StatusCode.OK


def streams():
    numbers = [note.number for note in echo.Count(Note(number=1000), timeout=PATIENCE)]
    assert numbers == list(range(1000))
    assert list(echo.Count(Note(number=0), timeout=PATIENCE)) == []
    total = echo.Sum((Note(number=at) for at in range(1000)), timeout=PATIENCE)
    assert (total.number, total.text) == (499_500, "1000")
    assert echo.Sum(iter([]), timeout=PATIENCE).text == "0"


def a_conversation():
    """Each message waits for the answer to the one before: nothing may be held back on the way."""
    answered = threading.Semaphore(1)

    def notes():
        for at in range(300):
            answered.acquire()
            yield Note(number=at)

    for at, note in enumerate(echo.Chat(notes(), timeout=PATIENCE)):
        assert note.number == at + 1
        answered.release()
    assert at == 299


def errors():
    try:
        echo.Fail(Note(), timeout=PATIENCE)
        raise AssertionError("Fail succeeded")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert error.details() == "not π: 100% wrong\n", error
        status = rpc_status.from_call(error)
        reason = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(reason) and reason.reason == "BAD_NOTE"
    code, _ = code_of(lambda: echo.NoSuchMethod(Note(), timeout=PATIENCE))
    assert code == grpc.StatusCode.UNIMPLEMENTED, code


def a_deadline():
    found = code_of(lambda: echo.Wait(Note(), timeout=0.5))
    # The gateway is told of the deadline and may be the first to answer, as Envoy does.
    gateway = (grpc.StatusCode.UNAVAILABLE, "upstream request timeout")
    assert found[0] == grpc.StatusCode.DEADLINE_EXCEEDED or found == gateway, found


def a_cancellation():
    call = echo.Forever(Note(), timeout=PATIENCE)
    assert next(call).number == 1
    call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED, call.code()


def big_messages():
    body = os.urandom(12 << 20)
    assert echo.Say(Note(body=body), timeout=PATIENCE).body == body


def forty_thousand_small_messages():
    total = echo.Sum((Note(number=1) for _ in range(40_000)), timeout=PATIENCE)
    assert (total.number, total.text) == (40_000, "40000")
    count = sum(1 for _ in echo.Count(Note(number=40_000), timeout=PATIENCE))
    assert count == 40_000, count


def many_calls_on_one_connection():
    calls = [echo.Say.future(Note(number=at), timeout=PATIENCE) for at in range(1500)]
    assert [call.result().number for call in calls] == list(range(1500))


def calls_that_failed_for_now_are_tried_again():
    assert echo.Flaky(Note(text=f"{CA is None}"), timeout=PATIENCE).number == 3


def answers_of_the_gateway_itself():
    for authority, expected in [
        ("nowhere.example", (grpc.StatusCode.UNIMPLEMENTED, "")),
        ("down.example", (grpc.StatusCode.UNAVAILABLE, "no healthy upstream")),
        ("limited.example", (grpc.StatusCode.RESOURCE_EXHAUSTED, "fault filter abort")),
    ]:
        # Over TLS a name without a certificate has no connection to ask on.
        if CA is None:
            found = code_of(lambda: stub(authority).Say(Note(), timeout=PATIENCE))
            assert found == expected, (authority, found)


def a_timeout_of_the_route():
    # The server is told of the route's timeout, so that either may be the first to give up.
    if CA is None:
        code, words = code_of(lambda: stub("late.example").Wait(Note(), timeout=PATIENCE))
        assert (code, words) == (grpc.StatusCode.UNAVAILABLE, "upstream request timeout") or (
            code == grpc.StatusCode.DEADLINE_EXCEEDED
        ), (code, words)


for step in [
    unary_with_metadata,
    streams,
    a_conversation,
    errors,
    a_deadline,
    a_cancellation,
    big_messages,
    forty_thousand_small_messages,
    many_calls_on_one_connection,
    calls_that_failed_for_now_are_tried_again,
    answers_of_the_gateway_itself,
    a_timeout_of_the_route,
]:
    if len(sys.argv) <= 3 or step.__name__ in sys.argv[3:]:
        step()
        print(step.__name__, flush=True)
print("done")

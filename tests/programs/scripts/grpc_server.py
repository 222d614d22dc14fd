"""A gRPC server with reflection. Prints its port, then what happened to the calls that ended
early. With CERTIFICATE and KEY as arguments it speaks TLS."""
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

import grpc_echo
from grpc_echo import Note


def say(line):
    print(line, flush=True)


def until_over(context, name):
    """Waits until the call is over, and says why it is."""
    over = threading.Event()
    context.add_callback(over.set)
    remaining = context.time_remaining()
    say(f"{name} begins {'with' if remaining is not None else 'without'} a deadline")
    over.wait(60)
    say(f"{name} is over")


class Echo:
    def __init__(self):
        self.tries = {}

    def Say(self, note, context):
        sent = dict(context.invocation_metadata())
        context.send_initial_metadata([("x-initial", sent.get("x-ask", "nothing"))])
        trailing = [("x-trailing", "end")]
        if "x-ask-bin" in sent:
            trailing.append(("x-answer-bin", bytes(reversed(sent["x-ask-bin"]))))
        context.set_trailing_metadata(trailing)
        return note

    def Count(self, note, context):
        for at in range(note.number):
            yield Note(number=at)

    def Sum(self, notes, context):
        total, count = 0, 0
        for note in notes:
            total += note.number
            count += 1
        return Note(number=total, text=str(count))

    def Chat(self, notes, context):
        for note in notes:
            yield Note(number=note.number + 1, text=note.text)

    def Fail(self, note, context):
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason="BAD_NOTE", domain="echo.example"))
        status = status_pb2.Status(
            code=code_pb2.INVALID_ARGUMENT, message="not π: 100% wrong\n", details=[detail]
        )
        context.abort_with_status(rpc_status.to_status(status))

    def Flaky(self, note, context):
        """Fails twice, without a message, before it answers."""
        tries = self.tries[note.text] = self.tries.get(note.text, 0) + 1
        if tries <= 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "later")
        return Note(number=tries)

    def Wait(self, note, context):
        until_over(context, "Wait")
        return note

    def Forever(self, note, context):
        # Said by the library: a call that is cancelled at this very message is not resumed here.
        context.add_callback(lambda: say("Forever is over"))
        yield Note(number=1)
        until_over(context, "This")


server = grpc.server(
    futures.ThreadPoolExecutor(32),
    options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
)
server.add_generic_rpc_handlers([grpc_echo.serve_with(Echo())])
reflection.enable_server_reflection([grpc_echo.NAME, reflection.SERVICE_NAME], server)
if len(sys.argv) > 2:
    chain, key = (open(path, "rb").read() for path in sys.argv[1:3])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
say(f"port {port}")
server.wait_for_termination()

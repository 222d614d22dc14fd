"""The service `echo.Echo` of the gRPC tests, without generated code: one message, every kind of
call. Imported by its server and its client."""
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

NAME = "echo.Echo"

# Method, whether the client streams, whether the server streams.
METHODS = {
    "Say": (False, False),
    "Count": (False, True),
    "Sum": (True, False),
    "Chat": (True, True),
    "Fail": (False, False),
    "Flaky": (False, False),
    "Wait": (False, False),
    "Forever": (False, True),
}


def _file():
    file = descriptor_pb2.FileDescriptorProto(name="echo.proto", package="echo", syntax="proto3")
    note = file.message_type.add(name="Note")
    field = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind) in enumerate(
        [("text", field.TYPE_STRING), ("body", field.TYPE_BYTES), ("number", field.TYPE_INT64)], 1
    ):
        note.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    service = file.service.add(name="Echo")
    for name, (client_streams, server_streams) in METHODS.items():
        service.method.add(
            name=name,
            input_type=".echo.Note",
            output_type=".echo.Note",
            client_streaming=client_streams,
            server_streaming=server_streams,
        )
    return file


descriptor_pool.Default().Add(_file())
Note = message_factory.GetMessageClass(
    descriptor_pool.Default().FindMessageTypeByName("echo.Note")
)


def _kind(name):
    client_streams, server_streams = METHODS[name]
    return f"{'stream' if client_streams else 'unary'}_{'stream' if server_streams else 'unary'}"


def serve_with(service):
    """What a server needs to answer each method with the service's method of that name."""
    calls = {
        name: getattr(grpc, f"{_kind(name)}_rpc_method_handler")(
            getattr(service, name),
            request_deserializer=Note.FromString,
            response_serializer=Note.SerializeToString,
        )
        for name in METHODS
    }
    return grpc.method_handlers_generic_handler(NAME, calls)


class Stub:
    """Every method as a callable of a channel."""

    def __init__(self, channel):
        for name in [*METHODS, "NoSuchMethod"]:
            kind = _kind(name) if name in METHODS else "unary_unary"
            call = getattr(channel, kind)(
                f"/{NAME}/{name}",
                request_serializer=Note.SerializeToString,
                response_deserializer=Note.FromString,
            )
            setattr(self, name, call)

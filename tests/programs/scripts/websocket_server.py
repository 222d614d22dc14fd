"""A WebSocket server whose path says what it does. Prints its port, then how connections ended."""
import asyncio
import http

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def answer(connection):
    path = connection.request.path
    try:
        await talk(connection, path)
    except ConnectionClosed:
        pass
    await connection.wait_closed()
    print(f"closed {path} {connection.close_code} {connection.close_reason}", flush=True)


async def talk(connection, path):
    if path == "/close":
        await connection.close(4002, "the server has had enough")
    elif path == "/cut":
        await connection.send("half")
        connection.transport.abort()
    elif path == "/push":
        for at in range(2000):
            await connection.send(f"event {at}")
        pong = await connection.ping(b"are you there")
        await pong
        await connection.send("ponged")
    else:
        async for message in connection:
            await connection.send(message)


def refuse(connection, request):
    if request.path == "/forbidden":
        return connection.respond(http.HTTPStatus.FORBIDDEN, "no\n")
    return None


async def main():
    server = await serve(
        answer, "127.0.0.1", 0, max_size=None, process_request=refuse, subprotocols=["chat"]
    )
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())

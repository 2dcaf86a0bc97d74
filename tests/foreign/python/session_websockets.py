"""The client of websockets, which carries the protocol rpc.v1 by hand."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def take(socket, step):
    if "send" in step:
        await socket.send(json.dumps(step["send"]))
    elif "text" in step:
        await socket.send(step["text"])
    elif "binary" in step:
        await socket.send(step["binary"].encode())
    elif "receive" in step:
        return [json.loads(await socket.recv()) for _ in range(step["receive"])]
    elif "closed" in step:
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code
    return None


async def main():
    steps = json.load(sys.stdin)
    async with connect(sys.argv[1], subprotocols=["rpc.v1"], proxy=None) as socket:
        seen = [socket.subprotocol]
        for step in steps:
            seen.append(await take(socket, step))
    json.dump(seen, sys.stdout)


asyncio.run(main())

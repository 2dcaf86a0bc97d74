"""What all our Python servers serve. Errors are `Refused`, which each of them tells in its own way."""

import logging
import os
import sys
import threading


class Refused(Exception):
    def __init__(self, code, message, data):
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


notes = []


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def echo(value):
    return value


def put(name: str, count: int = 1) -> dict[str, str | int]:
    """Puts things on the shelf."""
    if count > 100:
        raise Refused(1001, f"no room for {name}", {"name": name})
    notes.append(f"put {name}")
    return {"name": name, "count": count}


def note(text: str) -> None:
    notes.append(text)


def listed() -> list[str]:
    return notes


def fail() -> None:
    raise RuntimeError("as the test wants it")


METHODS = {
    "shelf.add": add,
    "shelf.echo": echo,
    "shelf.put": put,
    "shelf.note": note,
    "shelf.notes": listed,
    "shelf.fail": fail,
}


def is_vanishing(body):
    """Tells whether the answer to this is to be lost: the call runs, and then its connection is cut."""
    return b"vanish" in body


def announce(port):
    """Tells the test where we are, and ends with it."""
    logging.disable()
    print(f"listening {port}", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()

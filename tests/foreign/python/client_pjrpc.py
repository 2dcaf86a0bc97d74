"""pjrpc's client over requests, with one session for all."""

import sys

import pjrpc
from pjrpc.client.backend import requests

import driver

session = requests.Client(sys.argv[1])


def arguments(params):
    if isinstance(params, dict):
        return (), params
    return params or (), {}


def outcome(response):
    if response.is_success:
        return {"result": response.result}
    error = response.error
    return driver.error(error.code, error.message, error.data or None)


class Client:
    def call(self, method, params):
        positional, named = arguments(params)
        try:
            return {"result": session.call(method, *positional, **named)}
        except pjrpc.client.exceptions.JsonRpcError as error:
            return driver.error(error.code, error.message, error.data or None)

    def notify(self, method, params):
        positional, named = arguments(params)
        session.notify(method, *positional, **named)

    def batch(self, steps):
        with session.batch() as batch:
            for step in steps:
                positional, named = arguments(step.get("params"))
                add = batch.call if "call" in step else batch.notify
                add(step.get("call") or step["notify"], *positional, **named)
        return [outcome(response) for response in batch.get_response() or []]


driver.run(Client())

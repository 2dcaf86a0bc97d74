"""jsonrpcclient, which makes and reads messages, over requests, as its manual has it."""

import sys

import requests
from jsonrpcclient import Ok, notification, parse, request

import driver

URL = sys.argv[1]


def outcome(answer):
    if isinstance(answer, Ok):
        return {"result": answer.result}
    return driver.error(answer.code, answer.message, answer.data)


class Client:
    def call(self, method, params):
        return outcome(parse(requests.post(URL, json=request(method, params)).json()))

    def notify(self, method, params):
        response = requests.post(URL, json=notification(method, params))
        response.raise_for_status()
        assert response.text == ""

    def batch(self, steps):
        messages = [
            request(step["call"], step.get("params"))
            if "call" in step
            else notification(step["notify"], step.get("params"))
            for step in steps
        ]
        response = requests.post(URL, json=messages)
        # There is nothing to be parsed where nothing was asked.
        return [outcome(answer) for answer in parse(response.json())] if response.text else []


driver.run(Client())

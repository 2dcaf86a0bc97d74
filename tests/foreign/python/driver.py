"""Makes the calls that a test writes to our input, one step after another, and writes what came of them."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor


def run(client):
    def take(step):
        if "call" in step:
            return client.call(step["call"], step.get("params"))
        if "notify" in step:
            return client.notify(step["notify"], step.get("params"))
        if "batch" in step:
            return client.batch(step["batch"])
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(take, step["together"]))

    json.dump([take(step) for step in json.load(sys.stdin)], sys.stdout)


def error(code, message, data):
    return {"error": {"code": code, "message": message, "data": data}}

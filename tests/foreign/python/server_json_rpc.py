"""json-rpc's dispatcher behind the standard library's HTTP server as it comes: it speaks HTTP/1.0, answers HEAD with 501,
and ends each answer by closing the connection."""

import functools
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jsonrpc import JSONRPCResponseManager
from jsonrpc.exceptions import JSONRPCDispatchException

import shelf


def telling_errors(method):
    # The signature is what the library checks params by.
    @functools.wraps(method)
    def call(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except shelf.Refused as refused:
            raise JSONRPCDispatchException(refused.code, refused.message, refused.data)

    return call


METHODS = {name: telling_errors(method) for name, method in shelf.METHODS.items()}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = JSONRPCResponseManager.handle(body, METHODS)
        if shelf.is_vanishing(body):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        text = b"" if answer is None else answer.json.encode()
        self.send_response(204 if answer is None else 200)
        if text:
            self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


# Five connections are all that wait to be accepted by default. The others would be made a second later, or not at all.
ThreadingHTTPServer.request_queue_size = 128
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
shelf.announce(server.server_port)
server.serve_forever()

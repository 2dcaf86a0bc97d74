"""pjrpc under werkzeug, which answers notifications with 200, an empty body and a type of plain text."""

import functools
import io
import socket

from pjrpc.server import MethodRegistry
from pjrpc.server.exceptions import JsonRpcError
from pjrpc.server.integration import werkzeug as integration
from werkzeug.serving import make_server

import shelf


def telling_errors(method):
    @functools.wraps(method)
    def call(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except shelf.Refused as refused:
            raise JsonRpcError(refused.code, refused.message, refused.data)

    return call


class Application(integration.JsonRPC):
    def wsgi_app(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        answer = super().wsgi_app(environ, start_response)
        if shelf.is_vanishing(body):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer


registry = MethodRegistry()
for name, method in shelf.METHODS.items():
    registry.add_method(telling_errors(method), name=name)
application = Application("/")
application.dispatcher.add_methods(registry)

server = make_server("127.0.0.1", 0, application, threaded=True)
shelf.announce(server.server_port)
server.serve_forever()

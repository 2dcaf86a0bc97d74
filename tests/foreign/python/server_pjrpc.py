"""pjrpc under werkzeug, which answers notifications with 200, an empty body and a type of plain text. It describes its
methods at `/openrpc.json`."""

import functools
import io
import json
import socket

from pjrpc.server import MethodRegistry
from pjrpc.server.exceptions import JsonRpcError
from pjrpc.server.integration import werkzeug as integration
from pjrpc.server.specs import openrpc
from pjrpc.server.specs.extractors.pydantic import PydanticMethodInfoExtractor
from werkzeug import Response
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
        if environ["PATH_INFO"] == "/openrpc.json":
            described = Response(json.dumps(description), mimetype="application/json")
            return described(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        answer = super().wsgi_app(environ, start_response)
        if shelf.is_vanishing(body):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer


FULL = openrpc.Error(code=1001, message="no room", data={"name": "piano"})

registry = MethodRegistry(metadata_processors=[openrpc.MethodSpecificationGenerator(PydanticMethodInfoExtractor())])
for name, method in shelf.METHODS.items():
    metadata = [openrpc.metadata(errors=[FULL])] if name == "shelf.put" else []
    registry.add_method(telling_errors(method), name=name, metadata=metadata)
application = Application("/")
application.dispatcher.add_methods(registry)

specification = openrpc.OpenRPC(info=openrpc.Info(title="Shelf", version="1.0.0"))
description = specification.generate("/", {"": application.dispatcher.registry.values()})

server = make_server("127.0.0.1", 0, application, threaded=True)
shelf.announce(server.server_port)
server.serve_forever()

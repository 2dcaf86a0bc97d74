// json-rpc-2.0's server under node's own HTTP. It answers a batch of a single call with an object that is no array.
// Notifications are answered with 202 here, as some protocols on top of JSON-RPC want it.
import { createServer } from "node:http";

import { packages } from "./packages.mjs";
import { announce, isVanishing, METHODS } from "./shelf.mjs";

const { createJSONRPCErrorResponse, JSONRPCServer } = packages("json-rpc-2.0");

const rpc = new JSONRPCServer({ errorListener: () => {} });
rpc.mapErrorToJSONRPCErrorResponse = (id, { code, message, data }) =>
  createJSONRPCErrorResponse(id, code, message, data);
for (const [name, run] of Object.entries(METHODS)) {
  rpc.addMethod(name, run);
}

announce(
  createServer(async (request, response) => {
    if (request.method !== "POST") {
      return response.writeHead(404).end();
    }
    let body = "";
    for await (const part of request.setEncoding("utf8")) {
      body += part;
    }
    const answer = await rpc.receiveJSON(body);
    if (isVanishing(body)) {
      request.socket.destroy();
    } else if (answer) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    } else {
      response.writeHead(202).end();
    }
  }),
);

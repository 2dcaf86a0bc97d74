// jayson's own HTTP server, which answers notifications with 204 and all but POST with 405.
import { packages } from "./packages.mjs";
import { announce, isVanishing, METHODS } from "./shelf.mjs";

const jayson = packages("jayson");

const telling = (run) => (params, done) => {
  let result;
  try {
    result = run(params);
  } catch ({ code, message, data }) {
    return done({ code, message, data });
  }
  done(null, result);
};

const methods = Object.entries(METHODS).map(([name, run]) => [name, telling(run)]);
const server = new jayson.Server(Object.fromEntries(methods)).http();
server.prependListener("request", (request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  const end = response.end;
  response.end = (...args) => (isVanishing(body) ? request.socket.destroy() : end.apply(response, args));
});
announce(server);

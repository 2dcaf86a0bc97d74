// Node's own `fetch`, which reads streams as server-sent events, and resumes them by the id of the last event.
import { readFileSync } from "node:fs";

const url = process.argv[2];

async function open(method, params) {
  const controller = new AbortController();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", method, params, id: 7 }),
    signal: controller.signal,
  });
  const type = response.headers.get("content-type");
  return { type, controller, events: events(response.body.pipeThrough(new TextDecoderStream()).getReader()) };
}

async function* events(reader) {
  let text = "";
  for (;;) {
    const end = text.indexOf("\n\n");
    if (end < 0) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      continue;
    }
    const event = {};
    for (const line of text.slice(0, end).split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
    }
    text = text.slice(end + 2);
    if (event.data) yield event;
  }
}

let stream;
let last;
const take = async (step) => {
  if (step.open) {
    stream = await open(step.open, step.resume ? [JSON.parse(last)] : (step.params ?? []));
    return stream.type;
  }
  if (step.take) {
    const taken = [];
    while (taken.length < step.take) {
      const { value, done } = await stream.events.next();
      if (done) break;
      last = value.id ?? last;
      const message = JSON.parse(value.data);
      taken.push("method" in message ? message.params.result : message);
    }
    return taken;
  }
  if (step.close) return stream.controller.abort();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ jsonrpc: "2.0", method: step.call, params: step.params ?? [], id: 8 });
  return (await (await fetch(url, { method: "POST", headers, body })).json()).result;
};
const seen = [];
for (const step of JSON.parse(readFileSync(0, "utf8"))) seen.push((await take(step)) ?? null);
process.stdout.write(JSON.stringify(seen), () => process.exit(0));

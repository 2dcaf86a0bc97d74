// json-rpc-2.0's client over fetch. What sends is its manual's.
import { outcome, run } from "./driver.mjs";
import { packages } from "./packages.mjs";

const { JSONRPCClient, createJSONRPCNotification, createJSONRPCRequest } = packages("json-rpc-2.0");

const client = new JSONRPCClient((request) =>
  fetch(process.argv[2], {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  }).then((response) => {
    if (response.status === 200) {
      return response.json().then((answer) => client.receive(answer));
    } else if (request.id !== undefined) {
      return Promise.reject(new Error(response.statusText));
    }
  }),
);

let id = 0;
const made = (step) =>
  step.call
    ? createJSONRPCRequest(++id, step.call, step.params)
    : createJSONRPCNotification(step.notify, step.params);

await run({
  call: async (method, params) => outcome(await client.requestAdvanced(made({ call: method, params }))),
  // As its own `notify`, which does not say when it is done. There is nothing to be parsed then, which it keeps to itself.
  notify: (method, params) => client.send(made({ notify: method, params })).catch(() => {}),
  batch: async (steps) => (await client.requestAdvanced(steps.map(made))).map(outcome),
});

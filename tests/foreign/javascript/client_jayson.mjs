// jayson's client, over node's own HTTP.
import { outcome, run } from "./driver.mjs";
import { packages } from "./packages.mjs";

const jayson = packages("jayson");
const client = jayson.client.http(process.argv[2]);

const request = (...args) =>
  new Promise((resolve, reject) => {
    client.request(...args, (error, answer) => (error ? reject(error) : resolve(answer)));
  });

// Without a callback a request is made, and not sent; null for an id makes it a notification.
const made = (step) =>
  step.call ? client.request(step.call, step.params) : client.request(step.notify, step.params, null);

await run({
  call: async (method, params) => outcome(await request(method, params)),
  notify: (method, params) => request(method, params, null),
  batch: async (steps) => ((await request(steps.map(made))) ?? []).map(outcome),
});

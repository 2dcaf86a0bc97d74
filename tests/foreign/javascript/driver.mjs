// Makes the calls that a test writes to our input, one step after another, and writes what came of them.
import { readFileSync } from "node:fs";

export async function run(client) {
  const take = (step) => {
    if (step.call) return client.call(step.call, step.params);
    if (step.notify) return client.notify(step.notify, step.params);
    if (step.batch) return client.batch(step.batch);
    return Promise.all(step.together.map(take));
  };
  const outcomes = [];
  for (const step of JSON.parse(readFileSync(0, "utf8"))) {
    outcomes.push((await take(step)) ?? null);
  }
  process.stdout.write(JSON.stringify(outcomes));
}

export const outcome = ({ result, error }) =>
  error ? { error: { code: error.code, message: error.message, data: error.data ?? null } } : { result };

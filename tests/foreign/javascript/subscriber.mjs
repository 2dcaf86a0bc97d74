// Makes the calls and subscriptions that a test writes to our input, and writes what came of them. A client has `call`,
// `watch`, which pushes items to a queue, `unwatch` and `close`. It pushes the close code to `closed`.
import { readFileSync } from "node:fs";

class Queue {
  #items = [];
  #waiting = null;

  push(item) {
    this.#items.push(item);
    this.#waiting?.();
  }

  async take(count) {
    while (this.#items.length < count) await new Promise((resolve) => (this.#waiting = resolve));
    return this.#items.splice(0, count);
  }

  // What has come and was not taken.
  rest() {
    return this.#items.splice(0);
  }
}

export async function run(connect) {
  const items = new Queue();
  const closed = new Queue();
  const client = await connect((code) => closed.push(code));
  const take = async (step) => {
    if (step.watch) return client.watch(step.watch, step.params ?? [], (item) => items.push(item));
    if (step.take) return items.take(step.take);
    if (step.rest) return items.rest();
    if (step.unwatch) return client.unwatch();
    if (step.closed) return (await closed.take(1))[0];
    try {
      return { result: await client.call(step.call, step.params ?? []) };
    } catch (error) {
      return { error: client.codeOf(error) };
    }
  };
  const outcomes = [];
  for (const step of JSON.parse(readFileSync(0, "utf8"))) outcomes.push((await take(step)) ?? null);
  process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
}

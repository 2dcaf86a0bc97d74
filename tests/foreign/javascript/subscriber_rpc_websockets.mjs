// The client of rpc-websockets: notifications are events under their names.
import { packages } from "./packages.mjs";
import { run } from "./subscriber.mjs";

const { Client } = packages("rpc-websockets");

await run(async (onClose) => {
  const client = new Client(process.argv[2], { reconnect: false });
  client.on("close", onClose);
  await new Promise((resolve) => client.on("open", resolve));
  let end;
  return {
    call: (method, params) => client.call(method, params),
    codeOf: (error) => error.code,
    async watch(name, params, push) {
      let id;
      client.on(name, ({ subscription, result }) => push(subscription === id ? result : { of: subscription }));
      id = await client.call(`subscribe_${name}`, params);
      end = () => client.call(`unsubscribe_${name}`, [id]);
    },
    unwatch: () => end(),
  };
});

// viem's client: `watchBlocks`, and the subscription of its WebSocket transport.
import { packages } from "./packages.mjs";
import { run } from "./subscriber.mjs";

const { createPublicClient, webSocket } = packages("viem");

await run(async (onClose) => {
  const transport = webSocket(process.argv[2], { reconnect: false, retryCount: 0 });
  const client = createPublicClient({ transport });
  (await client.transport.getSocket()).addEventListener("close", ({ code }) => onClose(code));
  let end;
  return {
    call: (method, params) => client.request({ method, params }),
    codeOf: (error) => error.walk((cause) => cause.code !== undefined).code,
    async watch(topic, params, push) {
      if (topic === "blocks") {
        const stop = client.watchBlocks({ onBlock: ({ number }) => push(Number(number)), onError: console.error });
        end = () => void stop();
        return;
      }
      const onData = ({ result }) => push(Number(result.number));
      const { unsubscribe } = await client.transport.subscribe({ params: [topic, ...params], onData });
      end = async () => (await unsubscribe()).result;
    },
    unwatch: () => end(),
  };
});

// web3.js: `web3.eth.subscribe` for blocks, and the messages of its WebSocket provider for each other topic.
import { packages } from "./packages.mjs";
import { run } from "./subscriber.mjs";

const { Web3, WebSocketProvider } = packages("web3");

await run(async (onClose) => {
  const provider = new WebSocketProvider(process.argv[2], {}, { autoReconnect: false });
  const web3 = new Web3(provider);
  provider.on("disconnect", ({ code }) => onClose(code));
  const call = (method, params) => web3.requestManager.send({ method, params });
  let end;
  return {
    call,
    codeOf: (error) => (error.innerError ?? error.cause ?? error).code,
    async watch(topic, params, push) {
      if (topic === "blocks") {
        const blocks = await web3.eth.subscribe("newBlockHeaders");
        blocks.on("data", ({ number }) => push(Number(number)));
        end = () => blocks.unsubscribe();
        return;
      }
      // Items may come before web3.js has told the id. The connection has one subscription.
      provider.on("message", ({ method, params: item }) => {
        if (method === "eth_subscription") push(Number(item.result.number));
      });
      const id = await call("eth_subscribe", [topic, ...params]);
      end = () => call("eth_unsubscribe", [id]);
    },
    unwatch: () => end(),
  };
});

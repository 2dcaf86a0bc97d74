// ethers' WebSocket provider: its event "block", and a subscriber for each other topic.
import { packages } from "./packages.mjs";
import { run } from "./subscriber.mjs";

const { SocketSubscriber, WebSocketProvider } = packages("ethers");

class HeadSubscriber extends SocketSubscriber {
  constructor(provider, filter, push) {
    super(provider, filter);
    this.push = push;
  }

  async _emit(_, { number }) {
    this.push(Number(number));
  }
}

await run(async (onClose) => {
  const provider = new WebSocketProvider(process.argv[2]);
  provider.websocket.addEventListener("close", ({ code }) => onClose(code));
  let end;
  return {
    call: (method, params) => provider.send(method, params),
    codeOf: (error) => (error.error ?? error.info.error).code,
    async watch(topic, params, push) {
      if (topic === "blocks") {
        await provider.on("block", push);
        end = () => provider.off("block", push);
      } else {
        const subscriber = new HeadSubscriber(provider, [topic, ...params], push);
        subscriber.start();
        end = () => subscriber.stop();
      }
    },
    // ethers tells its user nothing about the answer.
    unwatch: async () => void (await end()),
  };
});

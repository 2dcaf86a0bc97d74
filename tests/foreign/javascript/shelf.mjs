// What all our JavaScript servers serve. Handlers take their params in order; `Refused` is an error that is told as it is.

export class Refused extends Error {
  constructor(code, message, data) {
    super(message);
    Object.assign(this, { code, data });
  }
}

const notes = [];

const methods = {
  "shelf.add": [["a", "b"], (a, b) => a + b],
  "shelf.echo": [["value"], (value) => value],
  "shelf.put": [
    ["name", "count?"],
    (name, count = 1) => {
      if (count > 100) throw new Refused(1001, `no room for ${name}`, { name });
      notes.push(`put ${name}`);
      return { name, count };
    },
  ],
  "shelf.note": [
    ["text"],
    (text) => {
      notes.push(text);
      return null;
    },
  ],
  "shelf.notes": [[], () => notes],
  "shelf.fail": [
    [],
    () => {
      throw new Refused(-32603, "Internal error");
    },
  ],
};

// Neither of the libraries looks at params, nor at their names.
function bind(names, run) {
  const bare = names.map((name) => name.replace("?", ""));
  return (params = []) => {
    const values = Array.isArray(params) ? params : bare.map((name) => params[name]);
    const surplus = Array.isArray(params)
      ? params.length > names.length
      : Object.keys(params).some((name) => !bare.includes(name));
    if (surplus || names.some((name, at) => !name.endsWith("?") && values[at] === undefined)) {
      throw new Refused(-32602, "Invalid params");
    }
    return run(...values);
  };
}

export const METHODS = Object.fromEntries(
  Object.entries(methods).map(([name, [names, run]]) => [name, bind(names, run)]),
);

// Tells whether the answer to this is to be lost: the call runs, and then its connection is cut.
export const isVanishing = (body) => body.includes("vanish");

// Tells the test where we are, and ends with it.
export function announce(server) {
  server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
  process.stdin.on("end", () => process.exit()).resume();
}

// A line to a server that can be cut and mended, and that can lose an answer.

import net from "node:net";

/** Listens on a port of its own, and passes on to `target`, a URL. */
export async function openLine(target) {
  const { hostname, port } = new URL(target);
  const sockets = new Set();
  let isCut = false;
  let toLose = 0;
  const lost = [];
  const server = net.createServer((client) => {
    if (isCut) return client.destroy();
    const there = net.connect({ host: hostname, port: Number(port) });
    let isLosing = false;
    for (const socket of [client, there]) {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        there.destroy();
      });
      socket.on("error", () => {});
    }
    client.on("data", (bytes) => {
      if (toLose > 0 && /^POST \/orders HTTP/m.test(bytes.toString("latin1"))) {
        toLose--;
        isLosing = true;
      }
      there.write(bytes);
    });
    there.on("data", (bytes) => {
      if (!isLosing) return client.write(bytes);
      lost.push(bytes.toString("latin1"));
      // Of an answer without a first byte the browser itself asks again.
      client.end(bytes.subarray(0, 20));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Nothing goes through, and nobody is told. */
    cut() {
      isCut = true;
      sockets.forEach((socket) => socket.destroy());
    },
    mend: () => (isCut = false),
    /** The next so many orders arrive, and their answers break off. */
    loseAnswers: (count) => (toLose = count),
    lost,
    close() {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { send } from '../server/cluster/simulator/send.ts';

test('small writes wait for a client that does not read, and go on when it does', async () => {
  const part = 'x'.repeat(8_000); // less than node would hold a writer back for
  const parts = 1_500;
  let sent = 0;
  const server = http.createServer(async (_request, response) => {
    response.writeHead(200);
    for (let at = 0; at < parts && (await send(response, part)); at++) sent++;
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    let before = -1;
    while (sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(sent > 0 && sent < parts, `${sent} of ${parts} before anything was read`);
    assert.equal((await response.arrayBuffer()).byteLength, parts * part.length);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  /** As it came, chunks taken apart where it was sent in chunks. */
  body: Buffer;
  /** How the connection ended: closed in order, reset, or still open when the time was up. */
  ending: 'closed' | 'reset' | 'open';
}

interface Asked {
  port: number;
  method?: string;
  path: string;
  body?: object | string;
  headers?: Record<string, string>;
  /** How long to read. */
  forMs?: number;
}

/** What a client sees that knows nothing but the socket. */
export async function rawCall({
  port,
  method = 'POST',
  path,
  body,
  headers = {},
  forMs = 10_000,
}: Asked): Promise<RawAnswer> {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const lines = Object.entries({
    host: 'sim',
    connection: 'close',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  );
  const parts: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<RawAnswer['ending']>();
  const timer = setTimeout(() => resolve('open'), forMs);
  socket.on('data', (part) => parts.push(part));
  socket.once('error', () => resolve('reset'));
  socket.once('end', () => resolve('closed'));
  const ending = await promise;
  clearTimeout(timer);
  socket.destroy();
  return { ...parse(Buffer.concat(parts)), ending };
}

function parse(bytes: Buffer): Omit<RawAnswer, 'ending'> {
  const at = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, Math.max(0, at)).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const rest = at < 0 ? Buffer.alloc(0) : bytes.subarray(at + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? joinChunks(rest) : rest;
  return { status: Number(first.split(' ')[1] ?? 0), headers, body };
}

/** As far as they came. */
function joinChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (end < 0 || !(size > 0)) break;
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

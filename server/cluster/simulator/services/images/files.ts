import type { IncomingMessage } from 'node:http';
import type { Engine } from '../../engine.ts';
import { Refusal } from '../../refusal.ts';
import { perEngine } from '../per-engine.ts';
import type { Service } from '../service.ts';

const KEPT_MS = 10 * 60_000;
const FILES_MAX = 64;

interface KeptFile {
  bytes: Buffer;
  untilMs: number;
}

const filesOf = perEngine(() => new Map<string, KeptFile>());
let files = 0;

/** Keeps a picture for ten minutes, or until there are too many, and gives the address it is served at. */
export function keepFile(engine: Engine, { headers, socket }: IncomingMessage, bytes: Buffer): string {
  const kept = filesOf(engine);
  const name = `${(++files).toString(36)}.png`;
  kept.set(name, { bytes, untilMs: Date.now() + KEPT_MS });
  const [oldest] = kept.keys();
  if (kept.size > FILES_MAX && oldest !== undefined) kept.delete(oldest);
  return `http://${headers.host ?? `127.0.0.1:${socket.localPort}`}/files/${name}`;
}

/** `GET /files/{name}`. */
export const imageFile: Service = async (engine, { response, params }) => {
  const file = filesOf(engine).get(params.name ?? '');
  if (!file || file.untilMs < Date.now()) throw new Refusal(404, 'There is no such file, or no longer.');
  response.writeHead(200, { 'content-type': 'image/png', 'content-length': file.bytes.length });
  response.end(file.bytes);
};

import WebSocket from 'ws';
import { CONTAINER } from '../manifest/names.ts';
import type { KubeObject } from '../objects.ts';
import { toApiError } from './api-error.ts';
import type { Connection } from './connection.ts';
import { readText } from './read-text.ts';
import { objectPath } from './resources.ts';

export interface ExecRequest {
  command: readonly string[];
  tty: boolean;
  stdin: boolean;
  /** The newest first; all that are known, unless a test wants an old server. */
  protocols?: readonly string[];
  pingMs?: number;
}

export interface ExecListener {
  output(stream: 'stdout' | 'stderr', bytes: Buffer): void;
}

/** A command that runs in a container. */
export interface Session {
  /** False: more is waiting to be sent than should be; `drained` resolves when it has gone. */
  write(bytes: Buffer): boolean;
  drained(): Promise<void>;
  /** Says that no more input comes; on servers that cannot hear that, ends the session. */
  endInput(): void;
  resize(size: { columns: number; rows: number }): void;
  /** How it ended. Rejects when the connection breaks before it has. */
  readonly exit: Promise<number>;
  close(): void;
}

const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;
const OPEN_TIMEOUT_MS = 10_000;
const PING_MS = 20_000;
const BUFFERED_BYTES_MAX = 1024 * 1024;
const REFUSAL_BYTES_MAX = 1024 * 1024;
const DRAIN_POLL_MS = 20;

/** Starts a command in a pod, over the WebSocket that `kubectl exec` uses. */
export async function exec(
  connection: Connection,
  pod: KubeObject['metadata'],
  request: ExecRequest,
  listener: ExecListener,
): Promise<Session> {
  const { origin, basePath, headers, tls } = await connection.credentials();
  const url = new URL(`${origin.replace(/^http/, 'ws')}${basePath}${objectPath('Pod', pod)}/exec`);
  url.searchParams.set('container', CONTAINER);
  for (const word of request.command) url.searchParams.append('command', word);
  for (const [name, isOn] of Object.entries({
    stdout: true,
    stderr: !request.tty,
    stdin: request.stdin,
    tty: request.tty,
  }))
    url.searchParams.set(name, String(isOn));
  const socket = new WebSocket(url, [...(request.protocols ?? PROTOCOLS)], {
    headers,
    ...tls,
    handshakeTimeout: OPEN_TIMEOUT_MS,
  });
  const session = new WebSocketSession(socket, listener, request.pingMs ?? PING_MS);
  await opened(socket);
  return session;
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', async (_request, response) => {
      const body = await readText(response, REFUSAL_BYTES_MAX).catch(String);
      reject(toApiError(response.statusCode ?? 500, body, response.headers['retry-after']));
      socket.terminate(); // or it would stay half open
    });
  });
}

class WebSocketSession implements Session {
  readonly exit: Promise<number>;
  readonly #socket: WebSocket;
  readonly #listener: ExecListener;
  readonly #end = Promise.withResolvers<number>();
  #isAnswered = true;

  constructor(socket: WebSocket, listener: ExecListener, pingMs: number) {
    this.#socket = socket;
    this.#listener = listener;
    this.exit = this.#end.promise;
    this.exit.catch(() => {}); // whoever awaits it is told
    let pinging: NodeJS.Timeout | undefined;
    socket.on('open', () => {
      pinging = setInterval(() => this.#ping(), pingMs);
    });
    socket.on('pong', () => {
      this.#isAnswered = true;
    });
    socket.on('message', (data) => this.#take(data as Buffer));
    socket.on('error', (error) => this.#end.reject(error));
    socket.on('close', (code) => {
      clearInterval(pinging);
      this.#end.reject(new Error(`the connection to the container was closed (${code}) before its command had ended`));
    });
  }

  write(bytes: Buffer): boolean {
    this.#send(channels.stdin, bytes);
    return this.#socket.bufferedAmount < BUFFERED_BYTES_MAX;
  }

  async drained(): Promise<void> {
    while (this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount > 0)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }

  endInput(): void {
    if (this.#socket.protocol === PROTOCOLS[0]) this.#send(channels.close, Buffer.from([channels.stdin]));
    else this.close();
  }

  resize({ columns, rows }: { columns: number; rows: number }): void {
    this.#send(channels.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  }

  close(): void {
    this.#socket.close();
  }

  #take(frame: Buffer): void {
    const bytes = frame.subarray(1);
    const [channel] = frame;
    if (channel === channels.stdout) this.#listener.output('stdout', bytes);
    else if (channel === channels.stderr) this.#listener.output('stderr', bytes);
    else if (channel === channels.status) this.#finish(bytes);
  }

  #finish(bytes: Buffer): void {
    const status = parseStatus(bytes);
    const code = exitCodeOf(status);
    if (code === undefined) this.#end.reject(new Error(status.message ?? 'the command could not be run'));
    else this.#end.resolve(code);
    this.close();
  }

  /** A connection that does not answer a ping until the next one is dead. */
  #ping(): void {
    if (!this.#isAnswered) this.#socket.terminate();
    else this.#socket.ping();
    this.#isAnswered = false;
  }

  #send(channel: number, bytes: Buffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(Buffer.concat([Buffer.from([channel]), bytes]));
  }
}

interface ExecStatus {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

function parseStatus(bytes: Buffer): ExecStatus {
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return { message: text };
  }
}

function exitCodeOf({ status, reason, details }: ExecStatus): number | undefined {
  if (status === 'Success') return 0;
  if (reason !== 'NonZeroExitCode') return undefined;
  const cause = details?.causes?.find((each) => each.reason === 'ExitCode');
  return cause?.message === undefined ? undefined : Number(cause.message);
}

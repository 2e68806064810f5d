import http, { type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface EngineRequest {
  path: string;
  headers: IncomingHttpHeaders;
  /** Parsed; of a form nothing. */
  body: Record<string, unknown> & { model: string; stream_options?: Record<string, unknown> };
  /** As it came. */
  text: string;
  bytes: Buffer;
  /** Resolves with the time when this request's connection closed before the answer was complete. */
  aborted: Promise<number>;
}
/** What it tells of itself under a path: a status and a text, or nothing ever. */
export type Told = [status: number, text: string] | 'hang';

export type Behaviour = (request: EngineRequest, response: ServerResponse) => unknown;

export interface Engine extends AsyncDisposable {
  address: string;
  requests: EngineRequest[];
  behave: Behaviour;
  /** Paths that were asked for with GET. */
  asked: string[];
  /** Answers to those; 404 to all others. */
  tells: Record<string, Told>;
  /** Resolves with the nth request, from 0, when it has come. */
  request(n: number): Promise<EngineRequest>;
  sockets: Set<Socket>;
}

/** An upstream that does what a test tells it, faults included. Its health is fine. */
export async function startEngine(behave: Behaviour = answer()): Promise<Engine> {
  const waiting: (() => void)[] = [];
  const sockets = new Set<Socket>();
  const server = http.createServer({ noDelay: true }, async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    if (incoming.method === 'GET') return tell(engine, incoming.url ?? '', response);
    const bytes = Buffer.concat(chunks);
    const text = bytes.toString();
    const isJson = !incoming.headers['content-type']?.startsWith('multipart/');
    const body = isJson ? JSON.parse(text) : {};
    const aborted = new Promise<number>((resolve) =>
      response.once('close', () => response.writableFinished || resolve(performance.now())),
    );
    const request = { path: incoming.url ?? '', headers: incoming.headers, body, text, bytes, aborted };
    engine.requests.push(request);
    for (const wake of waiting.splice(0)) wake();
    await engine.behave(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const engine: Engine = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    behave,
    asked: [],
    tells: { '/health': [200, ''] },
    sockets,
    async request(n) {
      while (engine.requests.length <= n) await new Promise<void>((resolve) => waiting.push(resolve));
      return engine.requests[n] as EngineRequest;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return engine;
}

function tell({ asked, tells }: Engine, path: string, response: ServerResponse): void {
  asked.push(path);
  const told = tells[path] ?? [404, ''];
  if (told !== 'hang') response.writeHead(told[0]).end(told[1]);
}

export const usageOf = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
});

/** Answers in one piece. */
export const answer =
  ({ content = 'Hello.', usage = usageOf(5, 2) }: { content?: string; usage?: unknown } = {}): Behaviour =>
  (request, response) => {
    const { stream_options } = request.body;
    if (request.body.stream) return stream(['Hel', 'lo.'], { stream_options })(request, response);
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'application/json', server: 'engine', 'set-cookie': 'a=b' });
    response.end(JSON.stringify({ id: 'same', object: 'chat.completion', created: 1, model: 'm', choices, usage }));
  };

/** Answers with a status and a body. */
export const status =
  (code: number, body: unknown = '<html>oops</html>', headers: Record<string, string> = {}): Behaviour =>
  (_request, response) => {
    response.writeHead(code, {
      'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
      ...headers,
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

export const reset: Behaviour = (_request, response) => response.destroy();
export const hang: Behaviour = () => {};

interface Script {
  stream_options?: Record<string, unknown> | undefined;
  /** Waits before each token. */
  before?: (index: number) => Promise<unknown> | undefined;
  /** Instead of the end. */
  instead?: (response: ServerResponse) => unknown;
  promptTokens?: number;
}

/** Streams as vLLM does: a role, the tokens, the finish, usage if asked, `[DONE]`. */
export const stream =
  (tokens: readonly string[], { before, instead, promptTokens = 5 }: Script = {}): Behaviour =>
  async (request, response) => {
    const options = request.body.stream_options;
    const used = (count: number) => ({ usage: usageOf(promptTokens, count) });
    const send = (count: number, delta: unknown, finish_reason: string | null = null) =>
      write(response, {
        id: 'same',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'm',
        choices: [{ index: 0, delta, finish_reason }],
        ...(options?.continuous_usage_stats === true && used(count)),
      });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    await send(0, { role: 'assistant', content: '' });
    for (const [index, content] of tokens.entries()) {
      await before?.(index);
      await send(index + 1, { content });
    }
    if (instead) {
      await new Promise(setImmediate); // so that what was written is on its way
      return instead(response);
    }
    await send(tokens.length, {}, 'stop');
    if (options?.include_usage === true)
      await write(response, {
        id: 'same',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'm',
        choices: [],
        ...used(tokens.length),
      });
    response.end('data: [DONE]\n\n');
  };

/** Waits until the bytes are taken, as an engine that honours backpressure does. */
export function write(response: ServerResponse, value: unknown): Promise<void> | undefined {
  const text = typeof value === 'string' ? value : `data: ${JSON.stringify(value)}\n\n`;
  if (response.write(text)) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

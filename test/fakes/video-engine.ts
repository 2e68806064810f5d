import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeVideo {
  id: string;
  status: string;
  /** What stands beside id and status in answers. */
  fields: Record<string, unknown>;
}

export interface VideoRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
}

/** What the gateway asks without anybody having called it. */
const GATEWAYS_OWN = ['/health', '/metrics', '/v1/metrics', '/prometheus/metrics', '/v1/models'];

/** An engine that makes videos as fast as a test tells it. */
export class VideoEngine implements AsyncDisposable {
  readonly requests: VideoRequest[] = [];
  readonly videos = new Map<string, FakeVideo>();
  content = Buffer.from('0123456789'.repeat(100));
  contentType = 'video/mp4';
  /** Instead of its own answer. Gives whether it has answered. */
  behave: ((request: VideoRequest, response: ServerResponse) => boolean | Promise<boolean>) | undefined;
  readonly #server = http.createServer((request, response) => void this.#serve(request, response));
  #count = 0;

  static async start(): Promise<VideoEngine> {
    const engine = new VideoEngine();
    await new Promise<void>((resolve) => engine.#server.listen(0, '127.0.0.1', resolve));
    return engine;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get orders(): VideoRequest[] {
    return this.requests.filter(({ method }) => method === 'POST');
  }

  /** All its videos are as far as this now. */
  set(status: string, fields: Record<string, unknown> = {}): void {
    for (const video of this.videos.values()) Object.assign(video, { status, fields });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method = '', url: path = '', headers } = incoming;
    if (GATEWAYS_OWN.includes(path)) return void send(response, path === '/health' ? 200 : 404, {});
    const request = { method, path, headers, text: Buffer.concat(chunks).toString() };
    this.requests.push(request);
    if (await this.behave?.(request, response)) return;
    if (path.endsWith('/content')) return this.#sendContent(request, response);
    if (method === 'POST') return this.#order(response);
    const video = this.videos.get(path.split('/').at(-1) ?? '');
    if (method === 'DELETE' && video) this.videos.delete(encodeURIComponent(video.id));
    if (video) send(response, 200, { id: video.id, status: video.status, ...video.fields });
    else send(response, 404, { error: { message: 'no such video' } });
  }

  #order(response: ServerResponse): void {
    const video = { id: `up/${++this.#count}`, status: 'queued', fields: {} };
    this.videos.set(encodeURIComponent(video.id), video);
    send(response, 200, { id: video.id, object: 'video.job', status: 'queued' });
  }

  #sendContent({ headers }: VideoRequest, response: ServerResponse): void {
    const { content } = this;
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
    const [start, end] = range ? [Number(range[1]), Number(range[2])] : [0, content.length - 1];
    response.writeHead(range ? 206 : 200, {
      'content-type': this.contentType,
      'content-length': end - start + 1,
      'accept-ranges': 'bytes',
      'set-cookie': 'a=b',
      ...(range && { 'content-range': `bytes ${start}-${end}/${content.length}` }),
    });
    response.end(content.subarray(start, end + 1));
  }
}

export function send(response: ServerResponse, status: number, body: unknown): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  return true;
}

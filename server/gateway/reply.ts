/** Who is told what becomes of a reply. */
export interface ReplyListener {
  clientLeft(): void;
  drained(): void;
}

/** The client's side of one request, as the core sees it: today an adapter to `node:http`, later one to raw sockets. */
export interface Reply {
  /** Not two closures: with those, some 6 KB of each answered request survived young collections. */
  listener: ReplyListener | undefined;
  /** Whether the client is still there. */
  readonly isOpen: boolean;
  /** Headers are name, value, name, value… */
  head(status: number, headers: readonly string[]): void;
  /** False: the client reads slower than this comes; `drained` follows. */
  write(bytes: Buffer): boolean;
  end(bytes?: Buffer): void;
  /** Breaks the connection: the one way to say "incomplete" within a body of known length. */
  destroy(): void;
}

/** What the core reads of a request. */
export interface ClientRequest {
  authorization: string | undefined;
  contentType: string | undefined;
  accept: string | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  clientRequestId: string | undefined;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * Cuts a byte stream into whole server-sent events, each with the empty line that ends it. Lines end in LF or CRLF, as
 * every engine writes them. Holds at most one incomplete event.
 */
export class EventSplitter {
  #parts: Buffer[] = [];
  #held = 0;
  #lineHasBytes = false;

  /** Bytes of the event that is not complete yet. */
  get held(): number {
    return this.#held;
  }

  /** The events that this chunk completes. */
  split(chunk: Buffer): Buffer[] {
    const events: Buffer[] = [];
    let start = 0;
    let line = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, line)) {
      const isEmpty = !this.#lineHasBytes && isBlank(chunk, line, at);
      this.#lineHasBytes = false;
      line = at + 1;
      if (!isEmpty) continue;
      events.push(this.#complete(chunk.subarray(start, line)));
      start = line;
    }
    this.#lineHasBytes ||= !isBlank(chunk, line, chunk.length);
    if (start < chunk.length) this.#hold(start === 0 ? chunk : chunk.subarray(start));
    return events;
  }

  /** What came after the last empty line: an engine that ends without one still meant it. */
  rest(): Buffer {
    return this.#complete(Buffer.alloc(0));
  }

  #hold(part: Buffer): void {
    this.#parts.push(part);
    this.#held += part.length;
  }

  #complete(last: Buffer): Buffer {
    if (this.#held === 0) return last;
    const event = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#held = 0;
    return event;
  }
}

const isBlank = (bytes: Buffer, start: number, end: number) =>
  start === end || (end - start === 1 && bytes[start] === RETURN);

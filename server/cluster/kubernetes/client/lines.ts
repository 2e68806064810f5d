const LINE_BYTES_MAX = 16 * 1024 * 1024;

/** Lines of a stream, however its chunks fall; also the last one where it ends without a line end. */
export async function* readLines(chunks: AsyncIterable<Buffer | Uint8Array>): AsyncGenerator<string, void> {
  let parts: Buffer[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    let start = 0;
    for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, start)) {
      const line = Buffer.concat([...parts, bytes.subarray(start, at)]);
      parts = [];
      held = 0;
      start = at + 1;
      if (line.length > 0) yield line.toString('utf8');
    }
    parts.push(bytes.subarray(start));
    held += bytes.length - start;
    if (held > LINE_BYTES_MAX) throw new Error(`a line of more than ${LINE_BYTES_MAX} bytes`);
  }
  if (held > 0) yield Buffer.concat(parts).toString('utf8');
}

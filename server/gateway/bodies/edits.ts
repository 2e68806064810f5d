export interface Span {
  start: number;
  end: number;
}

export interface Edit extends Span {
  text: string;
}

/** The bytes with spans replaced that do not overlap, in one allocation; the very same bytes where nothing changes. */
export function applyEdits(bytes: Buffer, wanted: readonly Edit[]): Buffer {
  const edits = wanted.filter((edit) => !isAlready(bytes, edit)).sort((a, b) => a.start - b.start);
  if (edits.length === 0) return bytes;
  const grown = edits.reduce((sum, { start, end, text }) => sum + Buffer.byteLength(text) - (end - start), 0);
  const edited = Buffer.allocUnsafe(bytes.length + grown);
  let from = 0;
  let to = 0;
  for (const { start, end, text } of edits) {
    to += bytes.copy(edited, to, from, start);
    to += edited.write(text, to);
    from = end;
  }
  bytes.copy(edited, to, from);
  return edited;
}

const isAlready = (bytes: Buffer, { start, end, text }: Edit) =>
  end - start === text.length && bytes.toString('latin1', start, end) === text;

import { EcoError } from '../../../sdk/contract/index.ts';
import type { Span } from './edits.ts';

/** One part of a form, and where its value stands in the bytes. */
export interface Part extends Span {
  name: string;
}

const CRLF = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');
const RETURN = 0x0d;
const NEWLINE = 0x0a;
const HYPHEN = 0x2d;
const SPACE = 0x20;
const TAB = 0x09;
const PARTS_MAX = 256;
const HEADERS_BYTES_MAX = 16 * 1024;

/** The parts of a multipart body in order (RFC 2046 §5.1, RFC 7578). What stands before the first and after the last boundary is nobody's. */
export function readParts(bytes: Buffer, boundary: string): Part[] {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const parts: Part[] = [];
  let at = findFirst(bytes, delimiter);
  while (at.type === 'part') {
    const part = readPart(bytes, at.end);
    at = findNext(bytes, delimiter, part.start);
    if (parts.push({ ...part, end: at.start }) > PARTS_MAX) throw broken(`has more than ${PARTS_MAX} parts`);
  }
  if (at.type === 'none') throw broken('ends before its last boundary');
  return parts;
}

/** A boundary line: its first byte (that of the line break in front) and the byte behind it. */
interface Line extends Span {
  type: 'part' | 'last' | 'none';
}

/** The first boundary may stand at the very beginning, without the line break in front. */
function findFirst(bytes: Buffer, delimiter: Buffer): Line {
  const bare = delimiter.subarray(CRLF.length);
  if (bytes.subarray(0, bare.length).equals(bare)) {
    const line = readLineEnd(bytes, bare.length);
    if (line) return { ...line, start: 0 };
  }
  return findNext(bytes, delimiter, 0);
}

/** What only begins like a boundary is content. */
function findNext(bytes: Buffer, delimiter: Buffer, from: number): Line {
  for (let at = bytes.indexOf(delimiter, from); at >= 0; at = bytes.indexOf(delimiter, at + 1)) {
    const line = readLineEnd(bytes, at + delimiter.length);
    if (line) return { ...line, start: at };
  }
  return { type: 'none', start: bytes.length, end: bytes.length };
}

function readLineEnd(bytes: Buffer, from: number): Omit<Line, 'start'> | undefined {
  if (bytes[from] === HYPHEN && bytes[from + 1] === HYPHEN) return { type: 'last', end: from + 2 };
  let at = from;
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  return bytes[at] === RETURN && bytes[at + 1] === NEWLINE ? { type: 'part', end: at + CRLF.length } : undefined;
}

/** `from` is behind a boundary line. A part may have no headers at all: then the empty line comes at once. */
function readPart(bytes: Buffer, from: number): Omit<Part, 'end'> {
  const end = bytes.indexOf(HEADERS_END, from - CRLF.length);
  if (end < 0) throw broken('has a part whose headers never end');
  if (end - from > HEADERS_BYTES_MAX) throw broken('has a part with too many headers');
  const headers = bytes.toString('utf8', from, Math.max(from, end));
  return { name: nameOf(headers), start: end + HEADERS_END.length };
}

const DISPOSITION = /^content-disposition[ \t]*:[ \t]*form-data/im;
const PARAMETER = /[ \t]*;[ \t]*([^=;\s"]+)[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|([^;\s]*))/y;

/** The value of `name`, and never what stands in the quotes of another parameter; '' where there is none. */
function nameOf(headers: string): string {
  const disposition = DISPOSITION.exec(headers);
  if (!disposition) return '';
  PARAMETER.lastIndex = disposition.index + disposition[0].length;
  for (let found = PARAMETER.exec(headers); found; found = PARAMETER.exec(headers))
    if (found[1]?.toLowerCase() === 'name') return (found[2] ?? found[3] ?? '').replace(/\\(["\\])/g, '$1');
  return '';
}

const broken = (why: string) => new EcoError('invalid_request', `The multipart body ${why}.`);

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

const DONE = Buffer.from('[DONE]');
export const isDone = (data: Buffer): boolean => data.length === DONE.length && data.equals(DONE);

export interface EventData {
  bytes: Buffer;
  start: number;
  end: number;
  isError: boolean;
}

/** Finds the data of an event. Several lines of it become one, as a line break in JSON is a space. */
export function findData(bytes: Buffer): EventData {
  let found: EventData = { bytes, start: 0, end: 0, isError: false };
  let lines = 0;
  let isError = false;
  for (let line = 0; line < bytes.length; ) {
    const next = bytes.indexOf(NEWLINE, line) + 1 || bytes.length;
    if (startsWith(bytes, line, 'data:')) {
      lines++;
      found = { bytes, ...fieldValue(bytes, line + 5, next), isError };
    } else if (startsWith(bytes, line, 'event:')) {
      const { start, end } = fieldValue(bytes, line + 6, next);
      isError = bytes.toString('latin1', start, end) === 'error';
    }
    line = next;
  }
  return lines > 1 ? findData(joinLines(bytes)) : { ...found, isError };
}

function startsWith(bytes: Buffer, at: number, field: string): boolean {
  return bytes[at] === field.charCodeAt(0) && bytes.toString('latin1', at, at + field.length) === field;
}

/** The value of a field without the one space in front and the line's end. */
function fieldValue(bytes: Buffer, from: number, next: number): { start: number; end: number } {
  const start = bytes[from] === SPACE ? from + 1 : from;
  let end = next;
  if (bytes[end - 1] === NEWLINE) end--;
  if (bytes[end - 1] === RETURN) end--;
  return { start, end: Math.max(start, end) };
}

function joinLines(bytes: Buffer): Buffer {
  const lines = bytes.toString('latin1').split(/\r?\n/);
  const isData = (line: string) => line.startsWith('data:');
  const data = lines.filter(isData).map((line) => line.slice(5).replace(/^ /, ''));
  const others = lines.filter((line) => !isData(line) && line !== '');
  return Buffer.from([...others, `data: ${data.join(' ')}`, '', ''].join('\n'), 'latin1');
}

/** The data of an event as an object; undefined where it is none. For what is not on the way of every token. */
export function parseData(event: Buffer): Record<string, unknown> | undefined {
  const { bytes, start, end } = findData(event);
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', start, end));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

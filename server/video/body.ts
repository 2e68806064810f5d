import { EcoError } from '../../sdk/contract/index.ts';
import { BROKEN, Cursor, skipSpace } from '../gateway/scan.ts';

/** The body of an order with another model in it, and every other byte as the caller sent it. `text` is a JSON object. */
export function withModel(text: string, model: string): Buffer {
  const bytes = Buffer.from(text);
  const members = new Cursor(bytes, skipSpace(bytes, 0));
  const parts: Buffer[] = [];
  let from = 0;
  while (members.next()) {
    if (members.key() !== 'model') continue;
    parts.push(bytes.subarray(from, members.valueStart), Buffer.from(JSON.stringify(model)));
    from = members.valueEnd;
  }
  if (members.end === BROKEN) throw new EcoError('invalid_request', 'The body is nested too deeply.');
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

import { Refusal } from '../refusal.ts';
import type { Fields } from './fields.ts';
import type { Exchange } from './service.ts';

interface Form {
  /** Whole numbers as numbers; of a field that comes again the last. */
  fields: Fields;
  files: Record<string, Buffer>;
}

/** A multipart body. */
export async function readForm({ request, body }: Pick<Exchange, 'request' | 'body'>): Promise<Form> {
  const form: Form = { fields: {}, files: {} };
  for (const [name, value] of await parse(request.headers['content-type'] ?? '', body)) {
    if (typeof value !== 'string') form.files[name] = Buffer.from(await value.arrayBuffer());
    else form.fields[name] = /^-?\d{1,15}$/.test(value) && NUMBERS.has(name) ? Number(value) : value;
  }
  return form;
}

const NUMBERS: ReadonlySet<string> = new Set(['n', 'seed']);

async function parse(contentType: string, body: Buffer): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw new Refusal(400, 'The body must be multipart/form-data.');
  }
}

import { isRecord } from '../fields.ts';

/** JSON Schema, as far as it is understood here; `true` allows anything. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

export type Keywords = Readonly<Record<string, unknown>>;

/** The type of its values, guessed from other keywords where it names none. */
export function typeOf(schema: JsonSchema): string {
  if (!isRecord(schema)) return 'string';
  const type = Array.isArray(schema.type) ? (schema.type.find((each) => each !== 'null') ?? 'null') : schema.type;
  if (typeof type === 'string') return type;
  if ('properties' in schema || 'required' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  return 'minimum' in schema || 'maximum' in schema ? 'number' : 'string';
}

/** What a reference stands for; any other schema as it is. */
export function follow(schema: JsonSchema, root: JsonSchema): JsonSchema {
  return isRecord(schema) && typeof schema.$ref === 'string' ? resolve(schema.$ref, root) : schema;
}

/** A part of a schema, by a pointer like `#/$defs/node`. */
export function resolve(ref: string, root: JsonSchema): JsonSchema {
  let at: unknown = root;
  for (const part of ref.split('/').slice(1))
    at = isRecord(at) ? at[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  return isSchema(at) ? at : true;
}

export const isSchema = (value: unknown): value is JsonSchema => typeof value === 'boolean' || isRecord(value);

/** Both at once: what one says of a property the other need not repeat. */
export function merge(left: JsonSchema, right: JsonSchema): JsonSchema {
  if (!isRecord(left)) return right;
  if (!isRecord(right)) return left;
  const properties = { ...keywordsOf(left.properties), ...keywordsOf(right.properties) };
  const required = [...namesOf(left.required), ...namesOf(right.required)];
  return {
    ...left,
    ...right,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required }),
  };
}

export const keywordsOf = (value: unknown): Keywords => (isRecord(value) ? value : {});

export const namesOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];

export const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

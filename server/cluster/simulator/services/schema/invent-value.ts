import { inventWord, pick } from '../words.ts';
import { inventNumber, inventText } from './invent-scalar.ts';
import {
  follow,
  isSchema,
  type JsonSchema,
  type Keywords,
  keywordsOf,
  merge,
  namesOf,
  numberOf,
  resolve,
  typeOf,
} from './json-schema.ts';

/** A value that satisfies a schema; the same for the same numbers. Patterns and exotic keywords are not looked at. */
export function inventValue(schema: JsonSchema, random: () => number): unknown {
  return invent(schema, { root: schema, random, depth: 0 });
}

interface Place {
  root: JsonSchema;
  random: () => number;
  depth: number;
}

/** From here on only what is required is made, so that a schema that contains itself comes to an end. */
const DEPTH_FULL = 4;
const DEPTH_MAX = 32;

function invent(schema: JsonSchema, place: Place): unknown {
  if (typeof schema === 'boolean') return inventWord(place.random);
  if (place.depth > DEPTH_MAX) return null;
  const inner = { ...place, depth: place.depth + 1 };
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return pick(place.random, schema.enum);
  const { $ref, anyOf, oneOf, allOf, ...own } = schema;
  if (typeof $ref === 'string') return invent(resolve($ref, place.root), inner);
  const branches = Array.isArray(anyOf) ? anyOf : oneOf;
  if (Array.isArray(branches)) return invent(merge(own, choose(branches, place)), inner);
  if (Array.isArray(allOf)) return invent(allOf.map((part) => follow(part, place.root)).reduce(merge, own), inner);
  return inventTyped(own, inner);
}

/** The first branch; deep inside, the plainest. */
function choose(branches: readonly JsonSchema[], { depth, root }: Place): JsonSchema {
  const plain = branches.find((branch) => !['object', 'array'].includes(typeOf(follow(branch, root))));
  return (depth < DEPTH_FULL ? undefined : plain) ?? branches[0] ?? true;
}

function inventTyped(schema: JsonSchema, place: Place): unknown {
  const own = keywordsOf(schema);
  switch (typeOf(schema)) {
    case 'null':
      return null;
    case 'boolean':
      return place.random() < 0.5;
    case 'integer':
      return inventNumber(own, place.random, 1);
    case 'number':
      return inventNumber(own, place.random);
    case 'array':
      return inventList(own, place);
    case 'object':
      return inventObject(own, place);
    default:
      return inventText(own, place.random);
  }
}

function inventObject(schema: Keywords, place: Place): Record<string, unknown> {
  const properties = keywordsOf(schema.properties);
  const required = namesOf(schema.required);
  const optional = place.depth <= DEPTH_FULL ? Object.keys(properties) : [];
  const made = [...new Set([...optional, ...required])].map((name): [string, unknown] => {
    const own = properties[name] ?? schema.additionalProperties ?? true;
    return [name, invent(isSchema(own) ? own : true, place)];
  });
  return Object.fromEntries(made);
}

const ITEMS_USUAL = 2;
const ITEMS_MAX = 1_000;
const TRIES_MAX = 100;

function inventList(schema: Keywords, place: Place): unknown[] {
  const first = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const items = isSchema(schema.items) ? schema.items : true;
  const min = numberOf(schema.minItems) ?? 0;
  const usual = place.depth <= DEPTH_FULL && items !== false ? Math.max(ITEMS_USUAL, first.length) : first.length;
  const length = Math.min(Math.max(min, usual), numberOf(schema.maxItems) ?? ITEMS_MAX, ITEMS_MAX);
  const list: unknown[] = [];
  const seen = new Set<string>();
  for (let tries = 0; list.length < length && tries < length + TRIES_MAX; tries++) {
    const item = invent(first[list.length] ?? items, place);
    const text = JSON.stringify(item);
    if (schema.uniqueItems === true && seen.has(text)) continue;
    seen.add(text);
    list.push(item);
  }
  return list;
}

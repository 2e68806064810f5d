import { z } from 'zod';
import * as contract from '../../sdk/contract/index.ts';

export type JsonSchema = Record<string, unknown>;

/** The contract's own nouns (`Workload`, `Key`, …): they become components and are referred to by name. */
const nouns = z.registry<{ id: string }>();
for (const [id, value] of Object.entries(contract)) if (/^[A-Z]/.test(id) && isNoun(value)) nouns.add(value, { id });

function isNoun(value: unknown): value is z.ZodType {
  return value instanceof z.ZodObject || value instanceof z.ZodDiscriminatedUnion;
}

/** What a caller may send: fields with defaults are optional. Written out in full, without references. */
export const inputSchema = (type: z.ZodType): JsonSchema =>
  plain(z.toJSONSchema(type, { io: 'input', override: tidy }));

/** What the server answers, and the named schemas it refers to. */
export function outputSchema(type: z.ZodType): { schema: JsonSchema; components: Record<string, JsonSchema> } {
  const { $defs = {}, ...schema } = plain(z.toJSONSchema(type, { io: 'output', metadata: nouns, override: open }));
  return { schema, components: $defs as Record<string, JsonSchema> };
}

interface Visit {
  zodSchema: z.core.$ZodType;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}

/** Bounds of safe integers are JavaScript's, not ours. */
function tidy({ jsonSchema }: Visit) {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

/** Answers may grow fields, so a client must not refuse what it does not know. */
function open(visit: Visit) {
  tidy(visit);
  const { jsonSchema, zodSchema } = visit;
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  const description = z.globalRegistry.get(zodSchema)?.description;
  if (description !== undefined) jsonSchema.description = description;
}

/** A JSON document of its own whose references are OpenAPI's. */
function plain(schema: object): JsonSchema {
  const { $schema: _, ...rest } = JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/'));
  for (const component of Object.values<JsonSchema>(rest.$defs ?? {})) delete component.id;
  return rest;
}

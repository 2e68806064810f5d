import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { openRandom } from '../server/cluster/simulator/random.ts';
import { inventValue } from '../server/cluster/simulator/services/schema/invent-value.ts';
import type { JsonSchema } from '../server/cluster/simulator/services/schema/json-schema.ts';

const bounds = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 20 }));

/** Schemas of all kinds that can be satisfied. */
const { schema } = fc.letrec<{ schema: Record<string, unknown> }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom(
      { type: 'string' },
      { type: 'boolean' },
      { type: 'null' },
      { const: 'fixed' },
      { enum: [1, 'b', null] },
    ),
    bounds.map(([minimum, span]) => ({ type: 'integer', minimum, maximum: minimum + span })),
    bounds.map(([exclusiveMinimum, span]) => ({
      type: 'integer',
      exclusiveMinimum,
      maximum: exclusiveMinimum + 1 + span,
    })),
    bounds.map(([minimum, span]) => ({ type: 'integer', minimum, exclusiveMaximum: minimum + 1 + span })),
    bounds.map(([minimum, span]) => ({ type: 'number', minimum, exclusiveMaximum: minimum + 1 + span })),
    bounds.map(([half, span]) => ({ type: 'integer', multipleOf: 3, minimum: half, maximum: half + 3 + span })),
    bounds.map(([, minLength]) => ({ type: 'string', minLength, maxLength: minLength + 3 })),
    fc.constantFrom('date-time', 'date', 'email', 'uuid', 'ipv4').map((format) => ({ type: 'string', format })),
    fc
      .record({ items: tie('schema'), minItems: fc.nat(4), extra: fc.nat(3) })
      .map(({ items, minItems, extra }) => ({ type: 'array', items, minItems, maxItems: minItems + extra })),
    fc.dictionary(fc.constantFrom('a', 'b', 'long name', 'é'), tie('schema'), { maxKeys: 4 }).chain((properties) =>
      fc.subarray(Object.keys(properties)).map((required) => ({
        type: 'object',
        properties,
        required,
        additionalProperties: false,
      })),
    ),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
  ),
}));

const invent = (wanted: JsonSchema, seed = 1) => inventValue(wanted, openRandom(seed));

describe('a value invented for a JSON schema', () => {
  test('satisfies it, whatever the schema', () => {
    fc.assert(
      fc.property(schema, fc.nat(), (wanted, seed) => {
        z.fromJSONSchema(wanted as z.core.JSONSchema.JSONSchema).parse(invent(wanted, seed));
      }),
      { numRuns: 500 },
    );
  });

  test('follows references, also of a schema to itself, and comes to an end', () => {
    const tree = {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { name: { type: 'string' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
          required: ['name', 'next'],
        },
      },
    };
    const value = z.fromJSONSchema(tree as z.core.JSONSchema.JSONSchema).parse(invent(tree));
    assert.match(JSON.stringify(value), /"next":null/);
  });

  test('takes parts from allOf, first items from prefixItems, and repeats none where items are unique', () => {
    const both = { allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] };
    assert.deepEqual(invent(both), { a: 1, b: 2 });
    assert.deepEqual(invent({ prefixItems: [{ const: 'x' }, { const: 'y' }], maxItems: 2 }), ['x', 'y']);
    const unique = { type: 'array', items: { enum: [1, 2, 3] }, minItems: 3, maxItems: 3, uniqueItems: true };
    assert.deepEqual((invent(unique) as number[]).toSorted(), [1, 2, 3]);
  });

  test('is the same for the same seed and another for another', () => {
    const wanted = { type: 'array', items: { type: 'string' }, minItems: 5 };
    assert.deepEqual(invent(wanted, 7), invent(wanted, 7));
    assert.notDeepEqual(invent(wanted, 7), invent(wanted, 8));
  });
});

import { z } from 'zod';

/** What a key must be allowed to do. `any` takes every valid key, `account` only one without restrictions. */
export const scopes = ['public', 'any', 'inference', 'workloads', 'billing:read', 'account', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** What may be written into a key; a key without scopes may do all that its account may. */
export const grantableScopes = ['inference', 'workloads', 'billing:read'] as const;
export type GrantableScope = (typeof grantableScopes)[number];

export const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;

/**
 * One endpoint of the API as a value: the server binds it, the SDK calls it, the CLI takes limits from it,
 * OpenAPI is printed from it. `input` holds path, query and body fields in one flat object: fields named in
 * `path` go there, the rest into the query of a GET or DELETE and into the JSON body of a POST or PUT.
 */
export interface Endpoint<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly method: (typeof methods)[number];
  readonly path: `/${string}`;
  readonly summary: string;
  readonly scope: Scope;
  readonly input: I;
  readonly output: O;
  /** How a POST or PUT carries its fields. `multipart`: as form data, with files. */
  readonly body: 'json' | 'multipart';
  /** `json`: one document. `lines`: one JSON document a line, for as long as the client listens. `gateway`: bound by the data plane. */
  readonly answer: 'json' | 'lines' | 'gateway';
  /** What the answer is where it is no JSON, like `audio/*`. */
  readonly media: string;
}

type Described<I extends z.ZodType, O extends z.ZodType> = Omit<Endpoint<I, O>, 'body' | 'answer' | 'media'> &
  Partial<Pick<Endpoint, 'body' | 'answer' | 'media'>>;

export function endpoint<I extends z.ZodType, O extends z.ZodType>(described: Described<I, O>): Endpoint<I, O> {
  return { body: 'json', answer: 'json', media: 'application/json', ...described };
}

/** What a caller may write: fields with defaults are optional. */
export type Input<E extends Endpoint> = z.input<E['input']>;
/** What a handler gets: defaults filled in. */
export type Parsed<E extends Endpoint> = z.output<E['input']>;
export type Output<E extends Endpoint> = z.output<E['output']>;

export const none = z.object({});

/** Fields of a path template, in order: `/workloads/{id}` has `id`. */
export function pathFields(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => String(match[1]));
}

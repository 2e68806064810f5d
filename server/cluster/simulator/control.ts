import type { IncomingMessage } from 'node:http';
import type { Engine } from './engine.ts';
import { type OptionName, optionTable, parseOptions, type SimulatorOptions } from './options.ts';
import { json, type Reply } from './reply.ts';
import { isRecord, type Json } from './rewrite.ts';

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** What is decided when it starts. */
const FIXED: ReadonlySet<string> = new Set<OptionName>(['host', 'port', 'bind', 'load', 'seed', 'tally']);

/** Changes options while it runs, by their names as flags; for this machine alone. Gives all of them. */
export function changeOptions({ options, turns }: Engine, request: IncomingMessage, body: Buffer): Reply {
  if (!LOOPBACK.test(request.socket.remoteAddress ?? ''))
    return json(403, { error: { message: 'Options are changed from this machine alone.' } });
  try {
    Object.assign(options, parseChange(body));
    turns.admit();
  } catch (error) {
    return json(400, { error: { message: error instanceof Error ? error.message : String(error) } });
  }
  return json(200, options);
}

function parseChange(body: Buffer): Partial<SimulatorOptions> {
  if (body.length === 0) return {};
  const change: unknown = JSON.parse(body.toString('utf8'));
  if (!isRecord(change)) throw new RangeError('The body must be a JSON object of options.');
  const fixed = Object.keys(change).find((name) => FIXED.has(name));
  if (fixed !== undefined) throw new RangeError(`--${fixed}: is decided when it starts.`);
  const parsed = parseOptions([], environmentOf(change));
  const names = Object.keys(change).map(fieldOf);
  return Object.fromEntries(Object.entries(parsed).filter(([field]) => names.includes(field)));
}

function environmentOf(change: Json): Record<string, string> {
  const unknown = Object.keys(change).find((name) => !Object.hasOwn(optionTable, name));
  if (unknown !== undefined) throw new RangeError(`"${unknown}" is not an option.`);
  return Object.fromEntries(
    Object.entries(change).map(([name, value]) => [
      `SIM_${name.toUpperCase().replaceAll('-', '_')}`,
      String(value ?? ''),
    ]),
  );
}

const FIELDS: Partial<Record<string, keyof SimulatorOptions>> = {
  ttft: 'ttftMs',
  itl: 'itlMs',
  'ttft-jitter': 'ttftJitterMs',
  'itl-jitter': 'itlJitterMs',
  'video-time': 'videoMs',
};

const fieldOf = (name: string): string =>
  FIELDS[name] ?? name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

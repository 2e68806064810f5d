interface Row {
  /** What stands after the colon, and what holds without it. */
  argument?: { name: string; fallback: string };
  description: string;
}

const AFTER = { name: 'N', fallback: '1' };

/** What a request can be made to suffer, by `--fail` or by the header `x-sim-fail`. */
export const faults = {
  'status-N': { description: 'answers with that status, 400 to 599; 429 and 503 with retry-after' },
  'html-502': { description: 'answers 502 with a page of HTML, as a proxy in between would' },
  'error-200': { description: 'answers 200 with the body of an error' },
  reset: { description: 'resets the connection before any byte' },
  'exit-before': { description: 'the process ends with exit code 1 before any byte' },
  hang: { description: 'never answers, though its health is fine' },
  'headers-only': { description: 'sends status and headers, then nothing' },
  slow: { argument: { name: 'factor', fallback: '4' }, description: 'takes so many times as long for each token' },
  cut: { argument: AFTER, description: 'closes the connection after N tokens' },
  'reset-after': { argument: AFTER, description: 'resets the connection after N tokens' },
  stall: { argument: AFTER, description: 'sends nothing more after N tokens' },
  exit: { argument: AFTER, description: 'the process ends with exit code 1 after N tokens' },
  'error-event': {
    argument: AFTER,
    description: 'sends an error event in place of the token after N tokens, then [DONE]',
  },
  malformed: { argument: AFTER, description: 'sends an event that is no JSON after N tokens' },
  'half-event': {
    argument: AFTER,
    description: 'closes the connection in the middle of a character after N tokens',
  },
  'big-event': { argument: AFTER, description: 'makes the token after N tokens one of a million characters' },
  'video-fails': { description: 'a video that is ordered fails while it is made' },
  endless: { description: 'repeats the last token of a stream and never ends' },
  'no-done': { description: 'ends the stream without [DONE]' },
  'no-usage': { description: 'never says how many tokens were used' },
  'wrong-usage': {
    argument: { name: 'high|null|text|negative', fallback: 'high' },
    description: 'says that a million times as many were used, or none, or says it in words, or below zero',
  },
} as const satisfies Record<string, Row>;

/** What the engine as a whole can suffer, by `--fail` alone. */
export const engineFaults = {
  unhealthy: { description: 'its health fails while it serves' },
  'slow-health': { argument: { name: 'seconds', fallback: '5' }, description: 'its health takes so long' },
  'wrong-name': { description: 'serves its model under the name "other-model"' },
  'ignore-sigterm': { description: 'goes on after SIGTERM, until SIGKILL' },
  'rude-sigterm': { description: 'ends at once on SIGTERM, in the middle of its answers' },
  'crash-on-load': { description: 'the process ends with exit code 1 while it loads' },
  'oom-on-load': { description: 'the same, with the trace of a GPU that is out of memory' },
} as const satisfies Record<string, Row>;

export type FaultKind = keyof typeof faults | keyof typeof engineFaults;

export interface Fault {
  kind: FaultKind;
  /** Tokens sent before it strikes, where it is one that counts. */
  after: number;
  /** A status, a factor, seconds or a variant, as it was written. */
  detail: string;
  /** Share of the requests that suffer it. */
  rate: number;
}

const known: Readonly<Record<string, Row>> = { ...faults, ...engineFaults };

/** Reads a list separated by commas. */
export const parseFaults = (text: string): Fault[] => text.split(',').map((each) => parseFault(each.trim()));

/** Reads `kind`, `kind:rate`, `cut:N` or `cut:N:rate`. Throws a `RangeError` that says what is allowed. */
function parseFault(text: string): Fault {
  const [name = '', ...rest] = text.split(':');
  const status = /^status-([45]\d\d)$/.exec(name)?.[1];
  const kind = status === undefined ? name : 'status-N';
  const row = Object.hasOwn(known, kind) && name !== 'status-N' ? known[kind] : undefined;
  if (!row)
    throw new RangeError(
      `"${name}" is not a fault. Known: ${Object.keys(known).join(', ')}; N is a number, as in status-503.`,
    );
  const detail = status ?? (row.argument ? (rest.shift() ?? row.argument.fallback) : '');
  if (row.argument) checkArgument(text, kind, row.argument.name, detail);
  const rate = Number(rest.shift() ?? 1);
  if (!(rate >= 0 && rate <= 1) || rest.length > 0)
    throw new RangeError(`"${text}": a rate lies between 0 and 1, like "status-500:0.1".`);
  return { kind: kind as FaultKind, after: row.argument?.name === 'N' ? Number(detail) : 0, detail, rate };
}

function checkArgument(text: string, kind: string, argument: string, detail: string): void {
  if (argument.includes('|')) {
    if (!argument.split('|').includes(detail)) throw new RangeError(`"${text}": say "${kind}:${argument}".`);
  } else if (argument === 'N') {
    if (!/^\d+$/.test(detail)) throw new RangeError(`"${text}": say after how many tokens, like "${kind}:5".`);
  } else if (!(Number(detail) >= 0)) throw new RangeError(`"${text}": the ${argument} is a number, like "${kind}:3".`);
}

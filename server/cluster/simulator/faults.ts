/** What a request can be made to suffer, by `--fail` or by the header `x-sim-fail`. */
export const faults = {
  'status-429': 'answers 429 with retry-after',
  'status-500': 'answers 500',
  'status-503': 'answers 503 with retry-after',
  reset: 'resets the connection before any byte',
  hang: 'never answers',
  cut: 'closes the connection after N tokens',
  stall: 'sends nothing more after N tokens',
  exit: 'the process ends with exit code 1 after N tokens',
  'error-event': 'sends an error event in place of the token after N tokens, then [DONE]',
  malformed: 'sends an event that is no JSON after N tokens',
  'no-done': 'ends the stream without [DONE]',
  'no-usage': 'never says how many tokens were used',
  'crash-on-load': 'the process ends with exit code 1 while it loads',
  'oom-on-load': 'the same, with the trace of a GPU that is out of memory',
} as const;

export type FaultKind = keyof typeof faults;

export interface Fault {
  kind: FaultKind;
  /** Tokens sent before it strikes. */
  after: number;
  /** Share of the requests that suffer it. */
  rate: number;
}

const COUNTED: ReadonlySet<FaultKind> = new Set(['cut', 'stall', 'exit', 'error-event', 'malformed']);

/** Reads `kind`, `kind:rate`, `cut:N` or `cut:N:rate`. Throws a `RangeError` that says what is allowed. */
export function parseFault(text: string): Fault {
  const [name = '', ...numbers] = text.split(':');
  if (!Object.hasOwn(faults, name))
    throw new RangeError(`"${name}" is not a fault. Known: ${Object.keys(faults).join(', ')}.`);
  const kind = name as FaultKind;
  const after = COUNTED.has(kind) ? Number(numbers.shift() ?? 1) : 0;
  const rate = Number(numbers.shift() ?? 1);
  if (!Number.isInteger(after) || after < 0)
    throw new RangeError(`"${text}": say after how many tokens, like "${kind}:5".`);
  if (!(rate >= 0 && rate <= 1) || numbers.length > 0)
    throw new RangeError(`"${text}": a rate lies between 0 and 1, like "status-500:0.1".`);
  return { kind, after, rate };
}

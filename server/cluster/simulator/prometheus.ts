import { BUCKETS_MS, type Timing } from './metrics.ts';

type Labels = Readonly<Record<string, string>>;

export const gauge = (name: string, value: number, labels: Labels = {}): string => metric('gauge', name, value, labels);
export const counter = (name: string, value: number, labels: Labels = {}): string =>
  metric('counter', name, value, labels);

/** A counter with one more label. */
export function counters(
  name: string,
  label: string,
  values: Readonly<Record<string, number>>,
  labels: Labels,
): string {
  const lines = Object.entries(values).map(([key, value]) => line(name, value, { ...labels, [label]: key }));
  return `# TYPE ${name} counter\n${lines.join('')}`;
}

/** In seconds. */
export function histogram(name: string, { sumMs, count, atMost }: Timing, labels: Labels = {}): string {
  const buckets = BUCKETS_MS.map((ms, at) =>
    line(`${name}_bucket`, atMost[at] ?? 0, { ...labels, le: String(ms / 1000) }),
  );
  const all = line(`${name}_bucket`, count, { ...labels, le: '+Inf' });
  const totals = line(`${name}_sum`, sumMs / 1000, labels) + line(`${name}_count`, count, labels);
  return `# TYPE ${name} histogram\n${buckets.join('')}${all}${totals}`;
}

const metric = (type: string, name: string, value: number, labels: Labels) =>
  `# TYPE ${name} ${type}\n${line(name, value, labels)}`;

function line(name: string, value: number, labels: Labels): string {
  const told = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`);
  return `${name}${told.length > 0 ? `{${told.join(',')}}` : ''} ${value}\n`;
}

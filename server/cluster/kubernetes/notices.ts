import { createHash } from 'node:crypto';
import type { Notice } from '../driver.ts';
import { quoted } from './evidence/verdict.ts';
import type { KubeEvent } from './objects.ts';

/** What Kubernetes tells of an object that explains something to whoever runs the workload, once for each cause. */
export function noticesOf(name: string, events: readonly KubeEvent[]): Notice[] {
  const told = events.flatMap((event) => {
    const reason = reasonOf(event);
    return reason === undefined ? [] : [{ event, reason }];
  });
  const latest = new Map(told.map((each) => [each.reason, each]));
  return [...latest.values()].map(({ event, reason }) => ({
    key: keyOf(event.involvedObject.uid ?? name, reason),
    at: timeOf(event),
    type: 'warning',
    reason,
    message: `${name}: ${quoted(event.message)}`,
  }));
}

export const keyOf = (...parts: string[]): string =>
  createHash('sha256').update(parts.join(' ')).digest('hex').slice(0, 12);

function reasonOf({ reason = '', message = '' }: KubeEvent): string | undefined {
  return explaining.find(([name, pattern]) => name === reason && (pattern?.test(message) ?? true))?.[2];
}

const explaining: readonly (readonly [string, RegExp | undefined, string])[] = [
  ['FailedScheduling', undefined, 'not_placed'],
  ['Preempted', undefined, 'preempted'],
  ['FailedCreate', undefined, 'pod_refused'],
  ['FailedMount', undefined, 'volume_unavailable'],
  ['FailedAttachVolume', undefined, 'volume_unavailable'],
  ['FailedCreatePodSandBox', undefined, 'sandbox_failed'],
  ['Failed', /pull/i, 'image_not_pulled'],
  ['Killing', /startup probe/, 'startup_timeout'],
  ['Killing', /probe/, 'unresponsive'],
  ['Evicted', undefined, 'evicted'],
  ['TaintManagerEviction', /Marking for deletion/, 'node_lost'],
  ['NodeNotReady', undefined, 'node_lost'],
];

/** Unix milliseconds; 0 where it says none. */
const timeOf = ({ series, lastTimestamp, eventTime, metadata }: KubeEvent): number =>
  Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;

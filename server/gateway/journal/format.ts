import { crc32 } from 'node:zlib';
import type { Prices } from '../../../sdk/contract/index.ts';
import { NO_UNITS } from '../../billing/price.ts';
import type { UsageRecord } from '../../billing/settle.ts';
import type { MeteredCounts } from '../counting/usage.ts';

/** A request whose answer has begun: what would be recorded if nothing more were ever heard of it, and its prices. */
export interface Begin {
  type: 'begin';
  record: UsageRecord;
  prices: Prices | null;
}

export interface Progress {
  type: 'progress';
  id: string;
  counts: MeteredCounts;
  duration_ms: number;
}

export interface End {
  type: 'end';
  record: UsageRecord;
}

/** The first line of every segment: whose it is. */
export interface Open {
  type: 'open';
  server_id: string;
  pid: number;
  /** What tells this process from a later one with its pid; null where the system does not say. */
  pid_epoch: string | null;
}

export type JournalEntry = Open | Begin | Progress | End;

/** `<crc32 hex> <json>\n` */
export function encodeEntry(entry: JournalEntry): string {
  const json = JSON.stringify('record' in entry ? { ...entry, record: plain(entry.record) } : entry);
  return `${checksum(json)} ${json}\n`;
}

const plain = (record: UsageRecord) => ({ ...record, cost_nanos: String(record.cost_nanos) });

const CRC_CHARS = 8;
const checksum = (json: string) => crc32(json).toString(16).padStart(CRC_CHARS, '0');

/** The entry of a line without its end, or undefined if it is torn or changed. */
export function decodeEntry(line: string): JournalEntry | undefined {
  const json = line.slice(CRC_CHARS + 1);
  if (line.slice(0, CRC_CHARS + 1) !== `${checksum(json)} `) return undefined;
  const entry = JSON.parse(json);
  if ('record' in entry) entry.record = { ...NO_UNITS, ...entry.record, cost_nanos: BigInt(entry.record.cost_nanos) };
  return entry;
}

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findStartTime, isAlive, type ProcessIdentity } from './process.ts';
import type { Lease } from './run.ts';

/** How long replicas go on when no server is there for them. */
export const LEASE_LOST_MS = 180_000;

export const leaseOf = (directory: string, installation: string, lostMs: number): Lease => ({
  file: join(directory, `${installation}.lease`),
  lostMs,
});

/** Says to all supervisors that a server is there, and to other servers which. */
export function renewLease({ file }: Lease): void {
  const server: ProcessIdentity = { pid: process.pid, start_time: findStartTime(process.pid) ?? '' };
  writeFileSync(file, JSON.stringify(server), { mode: 0o600 });
}

/** When a server was last there; undefined: never. */
export const findLeaseTime = ({ file }: Lease): number | undefined =>
  statSync(file, { throwIfNoEntry: false })?.mtimeMs;

/** The other process that looks after these replicas now: two would start everything twice. */
export function findOtherServer({ file }: Lease): number | undefined {
  try {
    const server: ProcessIdentity = JSON.parse(readFileSync(file, 'utf8'));
    return server.pid !== process.pid && isAlive(server) ? server.pid : undefined;
  } catch {
    return undefined;
  }
}

const RENEWALS_PER_LOSS = 9;
export const renewEveryMs = ({ lostMs }: Lease): number => lostMs / RENEWALS_PER_LOSS;

import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lease } from './run.ts';

/** How long replicas go on when no server is there for them. */
export const LEASE_LOST_MS = 180_000;

export const leaseOf = (directory: string, installation: string, lostMs: number): Lease => ({
  file: join(directory, `${installation}.lease`),
  lostMs,
});

/** Says to all supervisors that a server is there. */
export const renewLease = ({ file }: Lease, now: number): void =>
  writeFileSync(file, `${process.pid} ${now}\n`, { mode: 0o600 });

/** When a server was last there; undefined: never. */
export const findLeaseTime = ({ file }: Lease): number | undefined =>
  statSync(file, { throwIfNoEntry: false })?.mtimeMs;

const RENEWALS_PER_LOSS = 9;
export const renewEveryMs = ({ lostMs }: Lease): number => lostMs / RENEWALS_PER_LOSS;

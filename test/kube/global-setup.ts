import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { down, up } from './rig.ts';
import { SHARED_RIG, TEST_OPTIONS } from './shared-rig.ts';
import { whyNoRig } from './why-no-kube.ts';

let dir: string | undefined;

/** Run once before all files of Kubernetes tests: they share one rig, each with namespaces of its own. */
export async function globalSetup(): Promise<void> {
  const whyNot = whyNoRig();
  if (whyNot !== undefined) return void process.stderr.write(`# Kubernetes: ${whyNot}\n`);
  dir = mkdtempSync(join(tmpdir(), 'eco-kube-'));
  await up(dir, { ...TEST_OPTIONS, owner: process.pid });
  process.env[SHARED_RIG] = dir;
}

export async function globalTeardown(): Promise<void> {
  if (dir !== undefined) await down(dir, { remove: true });
}

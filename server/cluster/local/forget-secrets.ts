import { existsSync, readdirSync, rmSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMask } from '../mask.ts';
import { saveSpec, saveState } from './folder.ts';
import { hasLongEnded, type Slot } from './slot.ts';

/**
 * Takes the secrets of replicas that ended from the disk: stars in their logs and messages, nothing in their specs. What
 * is read from then on needs no mask. The secrets go last: a server that dies in between starts again.
 */
export async function forgetSecrets(slots: readonly Slot[], now: number): Promise<void> {
  for (const slot of slots) if (hasSecrets(slot) && hasLongEnded(slot, now)) await forget(slot);
}

const hasSecrets = ({ spec }: Slot) => Object.keys(spec.secrets).length > 0;

async function forget(slot: Slot): Promise<void> {
  const { folder, spec, state } = slot;
  const mask = openMask(spec.secrets);
  const isThere = existsSync(folder); // somebody may have removed it
  if (isThere) await maskFiles(folder, mask);
  if (state.trouble) state.trouble.message = mask(state.trouble.message);
  slot.spec = { ...spec, secrets: {} };
  if (!isThere) return;
  saveState(slot);
  saveSpec(slot);
}

type Mask = ReturnType<typeof openMask>;

async function maskFiles(folder: string, mask: Mask): Promise<void> {
  for (const file of readdirSync(folder).map((name) => join(folder, name))) {
    if (LOG.test(file)) await maskFile(file, mask);
    if (RUN.test(file)) rmSync(file, { force: true }); // was read; quotes the last line
  }
}

const RUN = /\/run-\d+\.json$/;
const LOG = /\/(?:run-\d+|supervisor)\.log(?:\.\d+)?$/;

/** At most as large as a log may become. */
async function maskFile(path: string, mask: Mask): Promise<void> {
  const text = await readFile(path, 'utf8');
  const masked = mask(text);
  if (masked === text) return;
  await writeFile(`${path}.masked`, masked, { mode: 0o600 });
  await rename(`${path}.masked`, path);
}

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { logFiles } from './log-file.ts';
import { writeWhole } from './run-file.ts';
import { openSlot, type Slot, SlotSpec, SlotState } from './slot.ts';

export function makeSlot(directory: string, spec: SlotSpec, state: SlotState): Slot {
  const slot = openSlot(join(directory, spec.id), spec, state);
  mkdirSync(slot.folder, { mode: 0o700 });
  saveState(slot);
  saveSpec(slot); // last: a folder without it is none of ours
  return slot;
}

export const saveSpec = ({ folder, spec }: Slot): void => writeWhole(join(folder, 'spec.json'), spec);
export const saveState = ({ folder, state }: Slot): void => writeWhole(join(folder, 'state.json'), state);

/** Slots of this installation, gone ones too. What cannot be read is left alone and told. */
export function readSlots(
  directory: string,
  installation: string,
  onUnreadable: (folder: string, error: unknown) => void,
): Slot[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const folder = join(directory, entry.name);
      try {
        const spec = SlotSpec.parse(readJson(join(folder, 'spec.json')));
        if (spec.installation !== installation) return [];
        return [openSlot(folder, spec, SlotState.parse(readJson(join(folder, 'state.json'))))];
      } catch (error) {
        onUnreadable(folder, error);
        return [];
      }
    });
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** Logs are kept of the last two runs. */
export function removeRun(folder: string, run: number): void {
  for (const file of [join(folder, `run-${run}.json`), ...logFiles(folder, run)]) rmSync(file, { force: true });
}

export const removeFolder = ({ folder }: Slot): void => rmSync(folder, { recursive: true, force: true });

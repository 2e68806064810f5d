import { z } from 'zod';
import { engineOfWorkload } from '../../workloads/engines/index.ts';
import { SYSTEM } from '../../workloads/events.ts';
import { listAll } from '../../workloads/sentence.ts';
import type { NewEvent } from '../../workloads/store.ts';

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })).min(1) });

/** Names in an answer of `/v1/models`; undefined where it is no such list. */
export function readNames(text: string): string[] | undefined {
  try {
    return ModelList.parse(JSON.parse(text)).data.map(({ id }) => id);
  } catch {
    return undefined;
  }
}

/** Ollama lists a name with the tag that goes without saying. */
const serves = (listed: readonly string[], name: string) => listed.includes(name) || listed.includes(`${name}:latest`);

const NAMES_SHOWN = 8;
const NAME_CHARS_SHOWN = 100;

/** What to tell where an engine does not serve the names that requests come with; the same words for the same names. */
export function mismatchEvent(
  engine: string,
  { listed, wanted }: { listed: readonly string[]; wanted: readonly string[] },
): NewEvent | undefined {
  const missing = wanted.filter((name) => !serves(listed, name));
  const [first] = missing;
  if (first === undefined) return undefined;
  const flag = engineOfWorkload(engine).names?.flag;
  return {
    type: 'warning',
    reason: 'served_name_mismatch',
    message: `It serves ${quoted(listed)}, and requests ask for ${quoted(missing)}: they may be refused. Launch it ${flag ? `with ${flag} ${first}` : 'so that it serves this name'}.`,
    actor: SYSTEM,
  };
}

function quoted(names: readonly string[]): string {
  const sorted = names.toSorted().map((name) => `"${name.slice(0, NAME_CHARS_SHOWN)}"`);
  const shown = sorted.slice(0, NAMES_SHOWN);
  return listAll(sorted.length > NAMES_SHOWN ? [...shown, `${sorted.length - NAMES_SHOWN} more`] : shown);
}

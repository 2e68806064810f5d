import { reasonHelp } from '../../sdk/contract/error-help.ts';
import { reasons } from '../../sdk/contract/index.ts';
import { GENERATED, page, table } from './markdown.ts';

/** Printed from the table that `eco help <reason>` reads. */
export const reasonsPage = (): string =>
  page(
    GENERATED,
    '# Reasons',
    'Why a workload or a replica is in the state it is in. Each comes with a sentence that names the thing, in `eco ps`, `eco events` and the API. `eco help REASON` prints a row of this table. Which states end by themselves, and when: [Workloads](../concepts/workloads.md).',
    table(
      ['reason', 'meaning', 'what to do'],
      reasons.map((reason) => [`\`${reason}\``, reasonHelp[reason].cause, reasonHelp[reason].next]),
    ),
  );

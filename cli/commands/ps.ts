import { Flags } from '@oclif/core';
import { workloadKinds, workloadStates } from '../../sdk/contract/workloads.ts';
import type { Eco, Workload } from '../../sdk/index.ts';
import { EcoCommand } from '../base.ts';
import { loadTable } from '../live/load.ts';
import type { WorkloadQuery } from '../live/poll-workloads.ts';
import { progressLine } from '../progress-line.ts';
import { pageFlags } from '../shared-flags.ts';
import { isWatched } from '../terminal.ts';
import { workloadColumns } from '../workload-view.ts';

export default class Ps extends EcoCommand {
  static override summary = 'list workloads of every kind';
  static override description =
    'With -w the list stays on the terminal and follows every change; q or Ctrl-C leaves. Where no person watches it is one line per change.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --all',
    '<%= config.bin %> <%= command.id %> -w',
    '<%= config.bin %> <%= command.id %> -q --state failed',
  ];
  static override flags = {
    ...pageFlags,
    all: Flags.boolean({ char: 'a', description: 'terminated ones too' }),
    kind: Flags.option({ options: workloadKinds, description: 'only this kind' })(),
    state: Flags.option({ options: workloadStates, description: 'only those in this state' })(),
    quiet: Flags.boolean({ char: 'q', description: 'print only ids', exclusive: ['watch'] }),
    watch: Flags.boolean({ char: 'w', description: 'go on, and show changes as they happen' }),
  };

  async run() {
    const { flags } = await this.parse(Ps);
    const { limit, after, all, kind, state } = flags;
    const query = { limit, after, all, kind, state };
    const eco = await this.client(flags);
    if (flags.watch) return this.#watch(eco, query);
    const page = await eco.workloads.list(query);
    if (!flags.quiet || this.jsonEnabled())
      return this.showPage(page, workloadColumns, 'Nothing is there. Launch something: eco instances launch --help');
    for (const { id } of page.data) this.log(String(id));
    return page;
  }

  async #watch(eco: Eco, query: WorkloadQuery): Promise<void> {
    const signal = this.interruption();
    if (isWatched(process.stdout) && !this.jsonEnabled()) {
      const watchWorkloads = await loadTable();
      return watchWorkloads(eco, query, signal);
    }
    const { tellWorkloads } = await import('../live/tell-workloads.ts');
    const tell = (workload: Workload) => this.showLine(workload, progressLine(workload));
    return tellWorkloads(eco, query, { signal, tell, note: (text) => this.note(text) });
  }
}

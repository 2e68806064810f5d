import { Args, Flags } from '@oclif/core';
import { TAIL_MAX } from '../../sdk/contract/workloads.ts';
import type { LogLine } from '../../sdk/index.ts';
import { EcoCommand } from '../base.ts';
import { duration } from '../shared-flags.ts';
import { hasColor } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

/** More would be as many connections. */
const WORKLOADS_MAX = 16;

export default class Logs extends EcoCommand {
  static override summary = 'print the logs of workloads, all replicas merged';
  static override description =
    'Lines of several replicas begin with the name of theirs. With -f it goes on as lines are written, also after a lost connection, until Ctrl-C or until the workload is terminated.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama -f',
    '<%= config.bin %> <%= command.id %> my-llama my-embedder -f --timestamps',
    '<%= config.bin %> <%= command.id %> 142 --since 10m --json',
  ];
  static override args = {
    workload: Args.string({
      required: true,
      multiple: true,
      description: 'id, name:id, or a name that only one has; several are merged',
    }),
  };
  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'go on as lines are written' }),
    replica: Flags.string({ description: 'only this replica' }),
    tail: Flags.integer({ default: 1000, min: 0, max: TAIL_MAX, description: 'last lines of each replica' }),
    since: duration({ description: 'only lines younger than this' }),
    previous: Flags.boolean({ exclusive: ['follow'], description: 'of the process before the last restart' }),
    timestamps: Flags.boolean({ char: 't', description: 'begin each line with its time (UTC)' }),
  };

  async run() {
    const { args, flags } = await this.parse(Logs);
    const refs = [...new Set(args.workload)];
    if (refs.length > WORKLOADS_MAX) throw new UsageError(`At most ${WORKLOADS_MAX} workloads at a time.`);
    const { follow, replica, tail, previous, timestamps } = flags;
    const since = flags.since === undefined ? undefined : Date.now() - flags.since;
    const eco = await this.client(flags);
    const { openLogFormat, readLogs } = await import('../live/read-logs.ts');
    const style = { isTerminal: process.stdout.isTTY === true, hasColor: hasColor(process.stdout), timestamps };
    const format = this.jsonEnabled() ? undefined : await openLogFormat(eco, refs, { ...style, replica });
    const query = { follow, replica, tail, previous, since };
    const lines = readLogs(eco, refs, { query, signal: this.interruption(), note: (text) => this.note(text) });
    for await (const line of lines) this.showLine(documentOf(line), format?.(line) ?? '');
  }
}

/** Which workload a line is of stands in the id of its replica. */
const documentOf = ({ from: _from, ...line }: LogLine & { from: string }): LogLine => line;

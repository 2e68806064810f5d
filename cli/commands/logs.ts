import { Flags } from '@oclif/core';
import { TAIL_MAX } from '../../sdk/contract/workloads.ts';
import { EcoCommand } from '../base.ts';
import { duration, workloadArg } from '../shared-flags.ts';

export default class Logs extends EcoCommand {
  static override summary = 'print the logs of a workload, all replicas merged';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama -f',
    '<%= config.bin %> <%= command.id %> 142 --since 10m --json',
  ];
  static override args = { workload: workloadArg };
  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'go on as lines are written' }),
    replica: Flags.string({ description: 'only this replica' }),
    tail: Flags.integer({ default: 1000, min: 0, max: TAIL_MAX, description: 'last lines of each replica' }),
    since: duration({ description: 'only lines younger than this' }),
    previous: Flags.boolean({ description: 'of the process before the last restart' }),
  };

  async run() {
    const { args, flags } = await this.parse(Logs);
    const { follow, replica, tail, previous } = flags;
    const since = flags.since === undefined ? undefined : Date.now() - flags.since;
    const eco = await this.client(flags);
    const lines = eco.workloads.logs(
      args.workload,
      { follow, replica, tail, previous, since },
      { signal: this.interruption() },
    );
    for await (const line of lines) this.showLine(line, replica ? line.text : `${line.replica} | ${line.text}`);
  }
}

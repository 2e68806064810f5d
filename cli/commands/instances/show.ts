import { EcoCommand } from '../../base.ts';
import { workloadArg } from '../../shared-flags.ts';
import { replicaColumns, workloadRecord } from '../../workload-view.ts';

export default class InstancesShow extends EcoCommand {
  static override summary = 'show an inference instance and its replicas';
  static override examples = ['<%= config.bin %> <%= command.id %> my-llama'];
  static override args = { instance: workloadArg };

  async run() {
    const { args, flags } = await this.parse(InstancesShow);
    const eco = await this.client(flags);
    const instance = await eco.instances.get(args.instance);
    if (this.jsonEnabled()) return instance;
    const { data } = await eco.instances.replicas(instance.id);
    this.record(workloadRecord(instance));
    if (data.length > 0) this.log();
    if (data.length > 0) this.table(data, replicaColumns);
    return instance;
  }
}

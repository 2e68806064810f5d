import { EcoCommand } from '../../base.ts';
import { exitCodes } from '../../exit-code.ts';

export default class AdminAudit extends EcoCommand {
  static override summary = 'recompute every balance, hold and charge from its rows';
  static override description = 'Prints each difference and ends with exit code 1 if there is one.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    const { flags } = await this.parse(AdminAudit);
    const eco = await this.client(flags, 'admin');
    const audit = await eco.admin.audit();
    const counts = Object.entries(audit.checked).map(([check, rows]) => `${check} ${rows}`);
    if (!this.jsonEnabled()) this.note(`Compared: ${counts.join(', ')}.`);
    if (audit.clean) this.log('Clean: no difference.');
    else process.exitCode = exitCodes.failure[0];
    if (audit.findings.length > 0)
      this.table(audit.findings, {
        CHECK: ({ check }) => check,
        SUBJECT: ({ subject }) => subject,
        EXPECTED: ({ expected }) => expected,
        FOUND: ({ found }) => found,
      });
    return audit;
  }
}

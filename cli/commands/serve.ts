import { Flags } from '@oclif/core';
import { EcoCommand } from '../base.ts';
import { UsageError } from '../usage-error.ts';

export default class Serve extends EcoCommand {
  static override summary = 'run a server';
  static override description =
    'Settings come from ecolink.yaml, then ECO_LISTEN, ECO_DATA, ECO_DATABASE_URL and ECO_LOG_LEVEL, then flags. The first start makes the admin key and shows it once, unless ECO_ADMIN_KEY gives one. Kubernetes regions that are changed in the file are taken over without a restart. SIGTERM drains.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --config ecolink.yaml',
    '<%= config.bin %> <%= command.id %> --listen 0.0.0.0:8080 --data /var/lib/ecolink',
  ];
  static override flags = {
    config: Flags.string({ char: 'c', description: 'configuration file', defaultHelp: 'ecolink.yaml, if it is there' }),
    listen: Flags.string({ description: 'host:port' }),
    data: Flags.string({ description: 'folder for secrets, journal, local replicas and the SQLite file' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Serve);
    const [{ main }, { ConfigError }] = await Promise.all([
      import('../../server/main.ts'),
      import('../../server/config.ts'),
    ]);
    const { listen, data } = flags;
    try {
      const overrides = { ...(listen && { listen }), ...(data && { data }) };
      await main({ path: flags.config, overrides }, ({ url, newAdminKey }) => {
        const shown = newAdminKey === undefined ? '' : `\nAdmin key, shown only now: ${newAdminKey}`;
        this.showLine(
          { url, pid: process.pid, ...(newAdminKey && { admin_key: newAdminKey }) },
          `Listening on ${url}${shown}`,
        );
      });
    } catch (error) {
      if (error instanceof ConfigError) throw new UsageError(error.message);
      throw error;
    }
  }
}

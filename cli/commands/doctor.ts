import { EcoCommand } from '../base.ts';
import type { ConnectionFlags } from '../config/layers.ts';
import type { Connection } from '../connection.ts';
import { type Check, failed, formatCheck, ok } from '../doctor/check.ts';
import { checkMachine } from '../doctor/machine.ts';
import { exitCodes } from '../exit-code.ts';

export default class Doctor extends EcoCommand {
  static override summary = 'look for what is wrong here, and say what mends it';
  static override description =
    'Looks at Node, settings, server, key, balance, regions and your instances, one after another. Exit code 1 if something is wrong.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];

  async run() {
    const { flags } = await this.parse(Doctor);
    const checks: Check[] = [];
    for await (const check of this.#examine(flags)) {
      checks.push(check);
      this.log(formatCheck(check));
    }
    const wrong = checks.filter(({ state }) => state === 'failed').length;
    if (wrong > 0) process.exitCode = exitCodes.failure[0];
    this.log(wrong === 0 ? '\nNothing is wrong.' : `\n${wrong} wrong. Below each is what mends it.`);
    return { object: 'doctor', healthy: wrong === 0, checks };
  }

  async *#examine(flags: ConnectionFlags): AsyncGenerator<Check> {
    const { DEFAULT_URL, Eco } = await import('../../sdk/index.ts');
    const connection = this.#connectionOr(flags);
    const baseUrl = ('baseUrl' in connection ? connection.baseUrl : undefined) ?? DEFAULT_URL;
    yield* checkMachine(process.env, baseUrl);
    if ('state' in connection) return yield connection;
    yield ok('server', `${baseUrl} (${connection.urlFrom})`);
    const { checkServer } = await import('../doctor/server.ts');
    let isReached = true;
    for await (const check of checkServer(baseUrl, this.config.version)) {
      isReached &&= check.state !== 'failed';
      yield check;
    }
    yield keyCheck(connection);
    if (!isReached || connection.apiKey === undefined) return;
    const { checkAccount } = await import('../doctor/account.ts');
    yield* checkAccount(new Eco({ baseUrl, apiKey: connection.apiKey }));
  }

  /** The connection, or why none can be chosen. */
  #connectionOr(flags: ConnectionFlags): Connection | Check {
    try {
      return this.connection(flags);
    } catch (error) {
      const { message, hint } = error as { message: string; hint?: string };
      return failed('connection', message, hint ?? 'eco config list --show-origin');
    }
  }
}

function keyCheck({ apiKey, keyFrom, shadowed }: Connection): Check {
  if (apiKey === undefined) return failed('key', `none: ${keyFrom}`, 'eco login');
  return ok(
    'key',
    shadowed === undefined ? `from ${keyFrom}` : `from ${keyFrom}, which goes before the login "${shadowed}"`,
  );
}

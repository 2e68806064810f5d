import type { WhoAmI } from '../../sdk/index.ts';
import { askHidden, canAsk, readStdin } from '../ask.ts';
import { EcoCommand } from '../base.ts';
import { type ConnectionFlags, readLayers } from '../config/layers.ts';
import { findProfile, profileName, saveProfile } from '../config/profiles.ts';
import { resolveSettings } from '../config/settings.ts';
import { UsageError } from '../usage-error.ts';

export default class Login extends EcoCommand {
  static override summary = 'check an API key and keep it for later commands';
  static override description =
    'The key comes from ECO_API_KEY, from standard input, or is asked for; never from a flag, where others could see it. ' +
    'It is kept in a file that only you can read. An admin key is kept beside the key of the account.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --api-url https://eco.example.com --profile prod < key.txt',
  ];

  async run() {
    const { flags } = await this.parse(Login);
    const { DEFAULT_URL, Eco } = await import('../../sdk/index.ts');
    const profile = profileName(flags.profile);
    const url = serverNamed(flags) ?? findProfile(profile)?.api_url ?? DEFAULT_URL;
    const apiKey = await this.#readKey(url);
    const who = await new Eco({ baseUrl: url, apiKey }).account.whoAmI();
    const path = saveProfile(profile, {
      api_url: url,
      ...(who.admin ? { admin_key: apiKey } : { api_key: apiKey }),
    });
    this.log(`Logged in to ${url} as ${nameOf(who)}. The key is in ${path}.`);
    return { profile, api_url: url, ...who };
  }

  async #readKey(url: string): Promise<string> {
    const key = process.env.ECO_API_KEY ?? (process.stdin.isTTY ? undefined : (await readStdin()).trim());
    if (key) return key;
    if (!canAsk(this.jsonEnabled())) throw new UsageError('No key: pipe it in, or set ECO_API_KEY.');
    return askHidden(`API key for ${url}: `);
  }
}

/** A key goes where its owner says: not to a server that only a file of the project names. */
function serverNamed(flags: ConnectionFlags): string | undefined {
  return resolveSettings(readLayers(flags).filter(({ kind }) => kind !== 'project')).api_url?.value;
}

const nameOf = ({ account }: WhoAmI) => (account ? `${account.name} (${account.id})` : 'operator');

import { homedir } from 'node:os';
import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { EcoCommand } from '../base.ts';
import { findProfile, profileName, saveProfile } from '../config/profiles.ts';
import { UsageError } from '../usage-error.ts';

const DEFAULT_PORT = 8080;
const LOOPBACK = /^https?:\/\/(127\.|localhost|\[::1\])/;

export default class Dev extends EcoCommand {
  static override summary = 'run everything on this machine: server, two local regions, an account with credit';
  static override description =
    'GPUs of this machine are offered beside simulated ones, and the catalogue is served by the built-in simulator. Ctrl-C ends all of it; the data folder stays, and the next start goes on from there. With --json, one line {url, api_key, admin_key, pid} says that it is ready.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --port 0 --json',
  ];
  static override flags = {
    port: Flags.integer({
      default: DEFAULT_PORT,
      min: 0,
      max: 65_535,
      description: 'port to listen on; 0 takes a free one',
    }),
    data: Flags.string({
      description: 'folder for database, secrets and replicas',
      defaultHelp: '~/.local/share/eco/dev',
    }),
    'log-level': Flags.option({
      options: ['silent', 'error', 'info', 'debug'] as const,
      default: 'error',
      description: 'what the server logs on stderr',
    })(),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Dev);
    const { startDev } = await import('../../server/dev/start.ts');
    const { firstSignal } = await import('../../server/signals.ts');
    const onProgress = (message: string) => this.note(message);
    const profile = profileName(flags.profile);
    if (flags.profile === undefined) this.#keepOtherLogin(profile);
    const stopped = firstSignal(['SIGINT', 'SIGTERM', 'SIGHUP']); // also when its terminal is closed
    const options = { data: flags.data ?? dataFolder(), port: flags.port, logLevel: flags['log-level'], onProgress };
    await using dev = await startDev(options);
    const { url, api_key, admin_key } = dev;
    saveProfile(profile, { api_url: url, api_key, admin_key });
    this.showLine({ url, api_key, admin_key, pid: process.pid }, ready(url, api_key));
    await stopped;
    this.note('Ending the server and all replicas …');
  }

  /** Its key was shown once, so it is not overwritten by a server to try things out with. */
  #keepOtherLogin(profile: string): void {
    const { api_url } = findProfile(profile) ?? {};
    if (api_url === undefined || LOOPBACK.test(api_url)) return;
    throw new UsageError(`"eco" is logged in to ${api_url}: give this one a login of its own.`, {
      hint: 'eco dev --profile dev, then eco … --profile dev or ECO_PROFILE=dev',
    });
  }
}

function dataFolder(): string {
  return join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'eco', 'dev');
}

const ready = (url: string, apiKey: string) => `
EcoLink is ready at ${url}

  export OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=${apiKey}

In another terminal (eco knows the key already):
  eco chat llama-3.1-8b-instruct "Hello"
  eco models register my-llama --hf meta-llama/Llama-3.1-8B-Instruct
  eco instances launch my-llama --image ecolink/sim

Ctrl-C ends everything.`;

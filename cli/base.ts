import { Command, Flags, type Interfaces } from '@oclif/core';
import type { Eco, Page } from '../sdk/index.ts';
import { askYesNo, canAsk } from './ask.ts';
import { type ConnectionFlags, readLayers } from './config/layers.ts';
import { type Resolved, resolveSettings } from './config/settings.ts';
import { readUserFile } from './config/user-file.ts';
import { type Connection, chooseConnection, type KeyKind } from './connection.ts';
import { Ending } from './ending.ts';
import { failureDocument, failureOf, formatFailure } from './failure.ts';
import { type Columns, formatRecord, formatTable } from './table.ts';
import { UsageError } from './usage-error.ts';

type Output = Record<string, unknown>;

/** Manners of all commands: result on stdout, the rest on stderr, `--json` one document also for errors, exit codes by cause. */
export abstract class EcoCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    'api-url': Flags.string({ helpGroup: 'GLOBAL', description: 'server to talk to (or ECO_API_URL)' }),
    profile: Flags.string({ helpGroup: 'GLOBAL', description: 'stored login to use (or ECO_PROFILE)' }),
  };

  #isJson: boolean | undefined;

  /** Flags of a command that take what is set beforehand where the command line is silent: of `region` and `gpu`. */
  static presets: readonly ('region' | 'gpu')[] = [];

  /** A client for the key in force. The SDK is loaded here, so that `--help` does without. */
  protected async client(flags: ConnectionFlags, kind: KeyKind = 'account', needsKey = true): Promise<Eco> {
    const { Eco, EcoError } = await import('../sdk/index.ts');
    const { baseUrl, apiKey, keyFrom } = this.connection(flags, kind);
    if (apiKey !== undefined || !needsKey) return new Eco({ baseUrl, apiKey });
    throw new EcoError('invalid_api_key', `No API key: ${keyFrom}.`, { hint: loginHint(flags) });
  }

  protected connection(flags: ConnectionFlags, kind: KeyKind = 'account'): Connection {
    const settings = this.settings(flags);
    const { profiles } = readUserFile();
    const named = settings.profile?.value;
    if (flags.profile !== undefined && named !== undefined && !Object.hasOwn(profiles, named))
      throw new UsageError(`There is no login "${named}".`, { hint: loginHint(flags) });
    return chooseConnection({ kind, settings, env: process.env, profiles });
  }

  protected settings(flags: ConnectionFlags = {}): Resolved {
    return resolveSettings(readLayers(flags));
  }

  protected override async parse<F extends Output, B extends Output, A extends Output>(
    options?: Interfaces.Input<F, B, A>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv);
    const { presets } = this.constructor as typeof EcoCommand;
    const silent = presets.filter((name) => parsed.flags[name] === undefined);
    if (silent.length === 0) return parsed;
    const settings = this.settings();
    const found = silent.flatMap((name) => (settings[name] ? [[name, settings[name].value]] : []));
    Object.assign(parsed.flags, Object.fromEntries(found));
    return parsed;
  }

  /** By `--json`, or as it is set; a file that cannot be read is told by what needs it. */
  override jsonEnabled(): boolean {
    this.#isJson ??= super.jsonEnabled() || this.#isJsonSet();
    return this.#isJson;
  }

  #isJsonSet(): boolean {
    try {
      return this.settings().output?.value === 'json';
    } catch {
      return false;
    }
  }

  protected table<T>(rows: readonly T[], columns: Columns<T>): void {
    this.log(formatTable(rows, columns, process.stdout.columns));
  }

  protected record(fields: Record<string, string | number | null | undefined>): void {
    this.log(formatRecord(fields));
  }

  /** Says in passing, on stderr: progress, or what to do next. */
  protected note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** A page for a script, its rows for a person, and how to go on. */
  protected showPage<T>({ data, next }: Page<T>, columns: Columns<T>, none: string) {
    if (data.length > 0) this.table(data, columns);
    else if (!this.jsonEnabled()) this.note(none);
    if (next !== null && !this.jsonEnabled()) this.note(`More: add --after ${next}`);
    return { object: 'list' as const, data, next };
  }

  /** One line of a stream: a JSON document under `--json`, else `text`. */
  protected showLine(document: unknown, text: string): void {
    process.stdout.write(`${this.jsonEnabled() ? JSON.stringify(document) : text}\n`);
  }

  /** Goes on only with a yes: by flag, or by a person at the terminal. */
  protected async confirm(question: string, flags: { yes: boolean }): Promise<void> {
    if (flags.yes) return;
    if (!canAsk(this.jsonEnabled())) throw new UsageError(`${question} Nobody is here to say so: add --yes.`);
    if (!(await askYesNo(question))) throw new Ending('declined', 'Not confirmed: nothing was done.');
  }

  /** Aborted by the first Ctrl-C; a later one ends the process as usual. A prompt has the key for itself. */
  protected interruption(from: Pick<NodeJS.EventEmitter, 'once'> = process): AbortSignal {
    const controller = new AbortController();
    from.once('SIGINT', () => {
      controller.abort();
      ignoreEchoes();
    });
    return controller.signal;
  }

  protected override async catch(error: Error): Promise<void> {
    const failure = failureOf(error, (this.id ?? '').replaceAll(':', ' '));
    process.exitCode = failure.exitCode;
    if (this.jsonEnabled()) process.stdout.write(failureDocument(failure));
    else if (process.env.ECO_DEBUG) process.stderr.write(`${error.stack}\n`);
    else if (error instanceof Ending || failure.code !== 'aborted') process.stderr.write(formatFailure(failure));
  }

  override async init(): Promise<void> {
    await super.init();
    process.stdout.on('error', endOnBrokenPipe);
  }
}

const loginHint = ({ profile }: ConnectionFlags) =>
  profile === undefined ? 'eco login' : `eco login --profile ${profile}`;

/** One Ctrl-C comes several times: from the terminal, and passed on by npm. */
const ECHO_MS = 1_000;

function ignoreEchoes(): void {
  const ignore = () => {};
  process.on('SIGINT', ignore);
  setTimeout(() => process.off('SIGINT', ignore), ECHO_MS).unref();
}

/** `eco logs -f | head` ends with head. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
}

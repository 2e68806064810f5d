import { Command, Flags } from '@oclif/core';
import type { Eco, Page } from '../sdk/index.ts';
import { askYesNo, canAsk } from './ask.ts';
import { type Connection, chooseConnection, isSettled, type KeyKind } from './connection.ts';
import { Ending } from './ending.ts';
import { failureDocument, failureOf, formatFailure } from './failure.ts';
import { findProfile, profileName } from './settings.ts';
import { type Columns, formatRecord, formatTable } from './table.ts';
import { UsageError } from './usage-error.ts';

export interface ConnectionFlags {
  'api-url'?: string | undefined;
  profile?: string | undefined;
}

/** Manners of all commands: result on stdout, the rest on stderr, `--json` one document also for errors, exit codes by cause. */
export abstract class EcoCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    'api-url': Flags.string({ helpGroup: 'GLOBAL', description: 'server to talk to (or ECO_API_URL)' }),
    profile: Flags.string({ helpGroup: 'GLOBAL', description: 'stored login to use (or ECO_PROFILE)' }),
  };

  /** A client for the key in force. The SDK is loaded here, so that `--help` does without. */
  protected async client(flags: ConnectionFlags, kind: KeyKind = 'account'): Promise<Eco> {
    const { Eco } = await import('../sdk/index.ts');
    return new Eco(await this.#connection(flags, kind));
  }

  async #connection(flags: ConnectionFlags, kind: KeyKind): Promise<Connection> {
    const env = flags.profile === undefined ? process.env : {}; // what the command line names goes before the environment
    const apiUrl = flags['api-url'];
    if (isSettled(apiUrl, env)) return chooseConnection({ apiUrl, kind, env, profile: undefined });
    const name = profileName(flags.profile);
    const profile = await findProfile(name);
    if (!profile && flags.profile !== undefined)
      throw new UsageError(`There is no login "${name}".`, { hint: `eco login --profile ${name}` });
    return chooseConnection({ apiUrl, kind, env, profile });
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

/** One Ctrl-C comes several times: from the terminal, passed on by npm, and raised again by `conf`. */
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

import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

export const LOG_FILE_MAX_BYTES = 10 * 1024 * 1024;
/** The one that is written, and those before it. */
export const LOG_FILES = 3;
/** What is longer goes on as another line. */
export const LINE_MAX_CHARS = 16_384;

export type LogStream = 'stdout' | 'stderr';

/** Files of one run, newest first. */
export const logFiles = (folder: string, run: number): string[] =>
  Array.from({ length: LOG_FILES }, (_, age) => join(folder, `run-${run}.log${age === 0 ? '' : `.${age}`}`));

/** Writes whole lines as `<ISO time> <stream> <text>`, each before the next is read: what a process said survives whatever follows. */
export class LogFile {
  readonly #paths: string[];
  readonly #maxBytes: number;
  readonly #partial: Record<LogStream, { decoder: StringDecoder; text: string }>;
  #descriptor: number;
  #bytes: number;
  #lost = 0;
  /** Last line of each stream that was not empty. */
  readonly last: Record<LogStream, string | null> = { stdout: null, stderr: null };

  constructor(folder: string, run: number, maxBytes = LOG_FILE_MAX_BYTES) {
    this.#paths = logFiles(folder, run);
    this.#maxBytes = maxBytes;
    this.#partial = { stdout: newPartial(), stderr: newPartial() };
    this.#descriptor = this.#open();
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  write(stream: LogStream, bytes: Buffer): void {
    const partial = this.#partial[stream];
    const lines = (partial.text + partial.decoder.write(bytes)).split('\n');
    partial.text = lines.pop() ?? '';
    while (partial.text.length > LINE_MAX_CHARS) {
      lines.push(partial.text.slice(0, LINE_MAX_CHARS));
      partial.text = partial.text.slice(LINE_MAX_CHARS);
    }
    if (lines.length > 0) this.#append(stream, lines);
  }

  /** Writes what has no end of line, too. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const)
      if (this.#partial[stream].text !== '') this.#append(stream, [this.#partial[stream].text]);
    closeSync(this.#descriptor);
  }

  #append(stream: LogStream, lines: readonly string[]): void {
    const now = new Date().toISOString();
    this.last[stream] = lines.findLast((line) => line.trim() !== '') ?? this.last[stream];
    const notice = this.#lost > 0 ? `${now} stderr (${this.#lost} lines were lost: the disk was full)\n` : '';
    const text = notice + lines.map((line) => `${now} ${stream} ${line}\n`).join('');
    try {
      this.#bytes += writeSync(this.#descriptor, text);
      this.#lost = 0;
      if (this.#bytes >= this.#maxBytes) this.#rotate();
    } catch {
      this.#lost += lines.length; // the process goes on, even where its words cannot be kept
    }
  }

  #rotate(): void {
    this.#bytes = 0; // also where the next file cannot be opened: then this one goes on, and gets longer
    rmSync(this.#paths.at(-1) ?? '', { force: true });
    for (let age = this.#paths.length - 1; age > 0; age--) move(this.#paths[age - 1], this.#paths[age]);
    const next = this.#open();
    closeSync(this.#descriptor);
    this.#descriptor = next;
  }

  #open = (): number => openSync(this.#paths[0] ?? '', 'a', 0o600);
}

const newPartial = () => ({ decoder: new StringDecoder('utf8'), text: '' });

function move(from = '', to = ''): void {
  try {
    renameSync(from, to);
  } catch {
    // not so many files yet
  }
}

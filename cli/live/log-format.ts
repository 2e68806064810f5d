import { styleText } from 'node:util';
import type { LogLine } from '../../sdk/index.ts';
import { harmless, harmlessStyled } from './harmless.ts';
import { pad, widthOf } from './width.ts';

export interface LogStyle {
  /** A person reads it: nothing in the text may reach the terminal but letters and colours. */
  isTerminal: boolean;
  hasColor: boolean;
  timestamps: boolean;
}

/** Told apart on dark and light; none that means success or failure. */
const COLORS = ['cyan', 'magenta', 'yellow', 'blue', 'green', 'cyanBright', 'magentaBright', 'yellowBright'] as const;

/** Writes log lines, each behind the name of its replica as soon as there is more than one. */
export class LogFormat {
  readonly #style: LogStyle;
  readonly #names: string[] = [];
  #width = 0;

  constructor(style: LogStyle) {
    this.#style = style;
  }

  /** Lines of this replica are expected: its name and colour are settled by the order of these calls. */
  expect(name: string): void {
    if (this.#names.includes(name)) return;
    this.#names.push(name);
    this.#width = Math.max(this.#width, widthOf(name));
  }

  format(name: string, { at, text }: Pick<LogLine, 'at' | 'text'>): string {
    this.expect(name);
    const prefix = this.#names.length > 1 ? `${this.#paint(name)} | ` : '';
    const time = this.#style.timestamps ? `${new Date(at).toISOString()} ` : '';
    return `${prefix}${time}${this.#text(text)}`;
  }

  #paint(name: string): string {
    const shown = pad(this.#style.isTerminal ? harmless(name) : name, this.#width);
    const color = COLORS[this.#names.indexOf(name) % COLORS.length];
    return this.#style.hasColor && color ? styleText(color, shown, { validateStream: false }) : shown;
  }

  #text(text: string): string {
    if (!this.#style.isTerminal) return text;
    return this.#style.hasColor ? harmlessStyled(text) : harmless(text);
  }
}

/** A short name of a replica, told apart from those of all that are read together: `local-a-7x3k`, `my-llama/local-a-7x3k`. */
export function replicaName(replica: string, workload: string | undefined): string {
  const short = replica.replace(/^\d+-/, '');
  return workload === undefined ? short : `${workload}/${short}`;
}

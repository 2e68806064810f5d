import { stripVTControlCharacters } from 'node:util';

const ESCAPE = '\u001b';
/** A colour or style: the one escape sequence that changes nothing but how the following text looks. */
const STYLE = new RegExp(`(${ESCAPE}\\[[\\d;:]*m)`, 'u');
/** Also what turns the direction of the text around it. */
const CONTROLS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;
const RESET = `${ESCAPE}[0m`;

/** What others wrote, on one line, unable to move the cursor or to change the terminal. */
export const harmless = (text: string): string => stripVTControlCharacters(text).replace(CONTROLS, ' ');

/** Like `harmless`, but the text keeps its colours, which end with it; of a line that was written over, the last state. */
export function harmlessStyled(text: string): string {
  const last = text.split('\r').findLast((part) => part !== '') ?? '';
  const parts = last.split(STYLE);
  const shown = parts.map((part, at) => (at % 2 === 1 ? part : harmless(part.replaceAll('\t', '    ')))).join('');
  return parts.length > 1 ? `${shown}${RESET}` : shown;
}

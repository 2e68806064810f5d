import type { Ask } from './ask.ts';
import { type SimulatorOptions, TOKENS_MAX } from './options.ts';
import { hashText, openRandom } from './random.ts';
import { tokenize } from './tokenizer.ts';

export interface Answer {
  tokens: string[];
  finish_reason: 'stop' | 'length';
}

const SEEDED_TOKENS = 64;
const EMPTY = 'echo';

/** What one choice will say: decided before the first token is sent, the same for the same options and prompt. */
export function planAnswer(ask: Ask, choice: number, { mode, seed, tokens }: Wanted): Answer {
  const source = mode === 'echo' ? echo(ask) : invent(ask, choice, seed);
  const natural = tokens ?? (mode === 'echo' ? source.length : SEEDED_TOKENS);
  const wanted = ask.ignoreEos ? (ask.maxTokens ?? natural) : natural;
  const length = Math.min(wanted, ask.maxTokens ?? wanted, TOKENS_MAX);
  const answer = cutAtStop(take(source, length), ask.stop);
  if (answer) return answer;
  return {
    tokens: take(source, length),
    finish_reason: length < wanted || (ask.ignoreEos && ask.maxTokens !== undefined) ? 'length' : 'stop',
  };
}

type Wanted = Pick<SimulatorOptions, 'mode' | 'seed' | 'tokens'>;

function echo({ messages }: Ask): string[] {
  const last = messages.findLast(({ role }) => role === 'user') ?? messages.at(-1);
  const tokens = tokenize(last?.text ?? '');
  return tokens.length > 0 ? tokens : [EMPTY];
}

const WORDS =
  'a at be by do go in it of on or so to up we all and any are but can day end for get has how its let may new not now off old one our out own run say see set she too two use was way who why yes you also away back both come down each even ever find from give good hand have here hold into just keep know last left less life like line long look made make many more most much must name near need next once only open over part past rain read rest same seem send side soon such sure take tell than that them then they this time turn upon very wait walk want warm well what when wind with word work year'.split(
    ' ',
  );

function invent({ messages }: Ask, choice: number, seed: number): string[] {
  const random = openRandom(hashText(`${seed} ${choice} ${messages.map(({ text }) => text).join('\n')}`));
  const word = () => WORDS[Math.floor(random() * WORDS.length)] ?? EMPTY;
  return Array.from({ length: SEEDED_TOKENS * 4 }, (_, at) => (at === 0 ? word() : ` ${word()}`));
}

/** The source again and again until there are enough. */
function take(source: readonly string[], length: number): string[] {
  return Array.from({ length }, (_, at) => {
    const token = source[at % source.length] ?? EMPTY;
    return at > 0 && at % source.length === 0 && !token.startsWith(' ') ? ` ${token}` : token;
  });
}

/** The tokens before the first stop text, the last of them cut short if need be; undefined where none occurs. */
function cutAtStop(tokens: readonly string[], stop: readonly string[]): Answer | undefined {
  const text = tokens.join('');
  const found = stop.map((each) => text.indexOf(each)).filter((at) => at >= 0);
  if (found.length === 0) return undefined;
  const end = Math.min(...found);
  const kept: string[] = [];
  let length = 0;
  for (const token of tokens) {
    if (length >= end) break;
    kept.push(token.slice(0, end - length));
    length += token.length;
  }
  return { tokens: kept, finish_reason: 'stop' };
}

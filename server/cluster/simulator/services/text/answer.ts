import { type SimulatorOptions, TOKENS_MAX } from '../../options.ts';
import { hashText, openRandom } from '../../random.ts';
import { tokenize } from '../../tokenizer.ts';
import { inventValue } from '../schema/invent-value.ts';
import { inventWords } from '../words.ts';
import type { Ask, Prompt } from './ask.ts';
import { planCalls } from './calls.ts';
import { type Answer, type Step, stepsOf } from './step.ts';

type Wanted = Pick<SimulatorOptions, 'mode' | 'seed' | 'tokens' | 'reasoning' | 'maxModelLen'>;

/** What one choice will say: thoughts first, then tool calls, JSON or words. The same for the same options and request. */
export function planAnswer(ask: Ask, choice: number, options: Wanted): Answer {
  const prompt = promptOf(ask, choice);
  const random = openRandom(hashText(`${ask.seed ?? options.seed} ${choice} ${prompt.tokens.join('')}`));
  const thoughts = stepsOf('reasoning', inventWords(random, ask.reasons ? options.reasoning : 0));
  const room = roomOf(ask, prompt, options);
  const said = planCalls(ask, prompt, random) ?? planValue(ask, prompt, { ...options, random });
  if (said === undefined) return planWords({ ask, prompt, random, thoughts, room }, options);
  const steps = [...thoughts, ...said];
  const isCut = steps.length > room;
  const ended = said.some(({ kind }) => kind === 'call') ? 'tool_calls' : 'stop';
  return { steps: steps.slice(0, room), finish_reason: isCut ? 'length' : ended };
}

/** Answers to the first prompt come first. */
function promptOf({ prompts, choices }: Ask, choice: number): Prompt {
  const prompt = prompts[Math.floor(choice / choices)];
  if (!prompt) throw new RangeError(`There is no choice ${choice}.`);
  return prompt;
}

/** Tokens that an answer may have at most. */
function roomOf({ maxTokens = TOKENS_MAX }: Ask, { tokens }: Prompt, { maxModelLen }: Wanted): number {
  const left = maxModelLen === undefined ? TOKENS_MAX : maxModelLen - tokens.length;
  return Math.max(0, Math.min(maxTokens, left, TOKENS_MAX));
}

interface Inventing extends Pick<Wanted, 'mode'> {
  random: () => number;
}

function planValue({ schema }: Ask, { last }: Prompt, { mode, random }: Inventing): Step[] | undefined {
  if (schema === undefined) return undefined;
  const value =
    schema === true
      ? { answer: mode === 'echo' ? last : inventWords(random, 8).join('') }
      : inventValue(schema, random);
  return stepsOf('content', tokenize(JSON.stringify(value)));
}

const SEEDED_TOKENS = 64;
const EMPTY = 'echo';

interface Speaking {
  ask: Ask;
  prompt: Prompt;
  random: () => number;
  thoughts: Step[];
  room: number;
}

function planWords({ ask, prompt, random, thoughts, room }: Speaking, { mode, tokens }: Wanted): Answer {
  const source = mode === 'echo' ? echo(prompt) : inventWords(random, SEEDED_TOKENS * 4);
  const left = Math.max(0, room - thoughts.length);
  const natural = tokens ?? (mode === 'echo' ? source.length : SEEDED_TOKENS);
  const forced = ask.ignoreEos && ask.maxTokens !== undefined;
  const wanted = forced ? left : natural;
  const said = take(source, Math.min(wanted, left));
  const stopped = cutAtStop(said, ask.stop);
  const steps = [...thoughts, ...stepsOf('content', stopped ?? said)].slice(0, room);
  return {
    steps,
    finish_reason: !stopped && (said.length < wanted || forced || thoughts.length > room) ? 'length' : 'stop',
  };
}

function echo({ last }: Prompt): string[] {
  const tokens = tokenize(last);
  return tokens.length > 0 ? tokens : [EMPTY];
}

/** The source again and again until there are enough. */
function take(source: readonly string[], length: number): string[] {
  return Array.from({ length }, (_, at) => {
    const token = source[at % source.length] ?? EMPTY;
    return at > 0 && at % source.length === 0 && !token.startsWith(' ') ? ` ${token}` : token;
  });
}

/** The tokens before the first stop text, the last of them cut short if need be; undefined where none occurs. */
function cutAtStop(tokens: readonly string[], stop: readonly string[]): string[] | undefined {
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
  return kept;
}

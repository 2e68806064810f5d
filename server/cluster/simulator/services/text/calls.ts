import { hashText } from '../../random.ts';
import { tokenize } from '../../tokenizer.ts';
import { inventValue } from '../schema/invent-value.ts';
import type { Ask, Prompt, Tool } from './ask.ts';
import type { Step } from './step.ts';

/** The tools an answer calls, with arguments that fit; undefined where it answers in words. */
export function planCalls(ask: Ask, prompt: Prompt, random: () => number): Step[] | undefined {
  const tools = toolsToCall(ask, prompt);
  if (tools.length === 0) return undefined;
  return tools.flatMap(({ name, parameters }, index) => {
    const text = JSON.stringify(inventValue(parameters, random));
    const id = `call_${hashText(`${random()} ${name}`).toString(16).padStart(8, '0')}`;
    return ['', ...tokenize(text)].map((piece): Step => ({ kind: 'call', text: piece, call: { id, name, index } }));
  });
}

/** The named one; else those the user speaks of; else, where one is required, the first. */
function toolsToCall({ tools, toolChoice, parallelCalls }: Ask, { last, isToolResult }: Prompt): Tool[] {
  if (toolChoice === 'none') return [];
  if (typeof toolChoice === 'object') return tools.filter(({ name }) => name === toolChoice.name).slice(0, 1);
  const spokenOf = isToolResult ? [] : tools.filter(({ name }) => last.includes(name));
  const wanted = toolChoice === 'required' && spokenOf.length === 0 ? tools.slice(0, 1) : spokenOf;
  return parallelCalls ? wanted : wanted.slice(0, 1);
}

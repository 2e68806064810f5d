import { Refusal } from '../../refusal.ts';
import { type Fields, isRecord } from '../fields.ts';
import type { Tool, ToolChoice } from './ask.ts';

/** The functions among the tools; `functionOf` says where an endpoint keeps name and parameters. */
export function readTools({ tools }: Fields, functionOf: (tool: Fields) => unknown): Tool[] {
  if (!Array.isArray(tools)) return [];
  return tools
    .filter((tool) => isRecord(tool) && tool.type === 'function')
    .map((tool) => {
      const own = functionOf(tool);
      if (!isRecord(own) || typeof own.name !== 'string') throw new Refusal(400, 'tools: each needs a name.', 'tools');
      return { name: own.name, parameters: isRecord(own.parameters) ? own.parameters : { type: 'object' } };
    });
}

/** Refuses what calls for a tool that is not there. */
export function checkChoice(choice: unknown, tools: readonly Tool[]): ToolChoice {
  if (choice === undefined || choice === null || choice === 'auto') return 'auto';
  if (choice === 'none') return 'none';
  if (choice === 'required' && tools.length > 0) return 'required';
  const name = isRecord(choice) ? choice.name : undefined;
  const found = tools.find((tool) => tool.name === name);
  if (found) return { name: found.name };
  throw new Refusal(400, 'tool_choice: must be auto, none, required, or name one of the tools.', 'tool_choice');
}

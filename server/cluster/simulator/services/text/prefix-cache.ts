import type { Engine } from '../../engine.ts';
import { hashText } from '../../random.ts';
import { perEngine } from '../per-engine.ts';

/** Prompts are remembered in blocks of so many tokens, as vLLM does. */
export const BLOCK_TOKENS = 16;
const BLOCKS_MAX = 65_536;

const blocksOf = perEngine(() => new Set<string>());

/** How many leading tokens of a prompt were part of an earlier one, whole blocks only and never all; remembers this one. */
export function findCached(engine: Engine, tokens: readonly string[]): number {
  if (!engine.options.prefixCache) return 0;
  const known = blocksOf(engine);
  let cached = 0;
  let isKnown = true;
  let chain = '';
  for (let end = BLOCK_TOKENS; end <= tokens.length; end += BLOCK_TOKENS) {
    const block = tokens.slice(end - BLOCK_TOKENS, end).join('\0');
    chain = `${hashText(`${chain} ${block}`)} ${hashText(block)}`;
    isKnown &&= known.has(chain);
    if (isKnown && end < tokens.length) cached = end;
    remember(known, chain);
  }
  return cached;
}

/** The one used longest ago is forgotten first. */
function remember(known: Set<string>, chain: string): void {
  known.delete(chain);
  known.add(chain);
  const [oldest] = known;
  if (known.size > BLOCKS_MAX && oldest !== undefined) known.delete(oldest);
}

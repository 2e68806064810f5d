const TOKEN = / ?[\p{L}\p{M}]{1,12}| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]{1,4}|\s+/gu;

/** Cuts a text into tokens about as long as a real engine's. Deterministic; the tokens put together are the text. */
export function tokenize(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

export const countTokens = (text: string): number => tokenize(text).length;

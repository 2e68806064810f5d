import type { ClientOptions, OpenAI } from 'openai';
import type { Client } from './client.ts';
import { EcoError } from './contract/index.ts';

export type { ClientOptions, OpenAI };

/** A client of the `openai` package that talks to this server with this key. Needs that package beside this one. */
export async function openOpenAI({ apiKey, baseUrl, fetch }: Client, options: ClientOptions = {}): Promise<OpenAI> {
  const { OpenAI } = await importOpenAI();
  return new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: apiKey ?? null, fetch, ...options });
}

async function importOpenAI() {
  try {
    return await import('openai');
  } catch (cause) {
    throw new EcoError('missing_package', 'eco.openai() needs the package "openai", which could not be loaded.', {
      status: 0,
      cause,
      hint: 'npm install openai',
    });
  }
}

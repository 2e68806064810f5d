import { createInterface } from 'node:readline/promises';
import { Args, Flags } from '@oclif/core';
import type { ChatMessage, Eco } from '../../sdk/index.ts';
import { canAsk, readStdin } from '../ask.ts';
import { EcoCommand } from '../base.ts';
import { Ending } from '../ending.ts';
import { UsageError } from '../usage-error.ts';

export default class Chat extends EcoCommand {
  static override summary = 'chat with a platform model or an instance of your own';
  static override description =
    'The answer streams to standard output. Without a message it is read from a pipe, or asked for again and again.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> my-llama:142 "Hello"',
    'git diff | <%= config.bin %> <%= command.id %> llama-3.1-8b-instruct --system "Review this."',
  ];
  static override args = {
    model: Args.string({
      required: true,
      description: 'platform model, or own instance: name:id, or a name that only one has',
    }),
    message: Args.string({ description: 'what to say' }),
  };
  static override flags = {
    system: Flags.string({ char: 's', description: 'instruction that goes before' }),
    'max-tokens': Flags.integer({ min: 1, description: 'bound of the answer' }),
    stream: Flags.boolean({
      allowNo: true,
      default: true,
      description: 'print the answer as it comes; with --json: one chunk a line',
    }),
  };

  async run() {
    const { args, flags } = await this.parse(Chat);
    const eco = await this.client(flags);
    const model = await servedName(eco, args.model);
    const ask = { eco, model, maxTokens: flags['max-tokens'], signal: this.interruption() };
    const messages: ChatMessage[] = flags.system === undefined ? [] : [{ role: 'system', content: flags.system }];
    if (args.message === undefined && canAsk(this.jsonEnabled())) return this.#converse(ask, messages);
    messages.push({ role: 'user', content: await this.#firstMessage(args.message) });
    if (flags.stream) return void (await this.#answer(ask, messages));
    const completion = await eco.chat.create(requestOf(ask, messages), { signal: ask.signal });
    this.log(completion.choices[0]?.message.content ?? '');
    return completion;
  }

  async #firstMessage(message: string | undefined): Promise<string> {
    const text = message ?? (process.stdin.isTTY ? '' : await readStdin());
    if (text.trim() === '') throw new UsageError('Nothing to say: give a message, or pipe it in.');
    return text;
  }

  /** Streams one answer to stdout and returns its text. */
  async #answer(ask: Ask, messages: ChatMessage[]): Promise<string> {
    let text = '';
    try {
      for await (const chunk of ask.eco.chat.stream(requestOf(ask, messages), { signal: ask.signal })) {
        const content = chunk.choices[0]?.delta.content ?? '';
        text += content;
        if (this.jsonEnabled()) this.showLine(chunk, content);
        else process.stdout.write(content);
      }
    } catch (error) {
      throw text === '' ? await namingNoStream(error, ask.model) : error;
    } finally {
      if (text !== '' && !this.jsonEnabled()) process.stdout.write('\n');
    }
    return text;
  }

  /** Until Ctrl-D, or Ctrl-C. */
  async #converse(ask: Ask, messages: ChatMessage[]): Promise<undefined> {
    this.note(`Chatting with ${ask.model}. Ctrl-D ends it.`);
    const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
    const signal = this.interruption(lines);
    signal.addEventListener('abort', () => lines.close());
    lines.prompt();
    for await (const line of lines) {
      if (line.trim() !== '') messages.push({ role: 'user', content: line });
      if (line.trim() !== '')
        messages.push({ role: 'assistant', content: await this.#answer({ ...ask, signal }, messages) });
      lines.prompt();
    }
    if (signal.aborted) throw new Ending('aborted', 'Chat ended.');
    return undefined;
  }
}

interface Ask {
  eco: Eco;
  model: string;
  maxTokens: number | undefined;
  signal: AbortSignal;
}

const OWN_NAME = /^[a-z][a-z0-9-]*$/;

/** The name that the API knows: of an own instance that is named alone, `name:id`. */
async function servedName(eco: Eco, model: string): Promise<string> {
  if (!OWN_NAME.test(model)) return model;
  try {
    return (await eco.workloads.get(model)).ref;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'not_found') return model;
    throw error;
  }
}

/** An engine that cannot stream answers whole, or not at all: without streaming it can be asked. */
async function namingNoStream(error: unknown, model: string): Promise<unknown> {
  const { code, message } = Object(error) as { code?: string; message?: string };
  if (code !== 'invalid_answer' && code !== 'stream_cut') return error;
  const { EcoError } = await import('../../sdk/index.ts');
  const hint = `If the engine cannot stream: eco chat ${model} --no-stream`;
  return new EcoError(code, message ?? code, { hint, status: (error as { status?: number }).status, cause: error });
}

const requestOf = ({ model, maxTokens }: Ask, messages: ChatMessage[]) => ({
  model,
  messages: [...messages],
  ...(maxTokens !== undefined && { max_tokens: maxTokens }),
});

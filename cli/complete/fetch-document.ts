import http from 'node:http';
import https from 'node:https';

const DEADLINE_MS = 1_000;
const ANSWER_MAX_BYTES = 5 * 1024 * 1024;

/** One GET without the weight of `fetch`. Rejects when it is slow, large, or no 200. */
export async function fetchDocument(url: string, apiKey: string): Promise<unknown> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const headers = { authorization: `Bearer ${apiKey}`, accept: 'application/json' };
  const { get } = url.startsWith('https:') ? https : http;
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    get(url, { signal, headers, agent: false }, resolve).once('error', reject);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > ANSWER_MAX_BYTES) throw new Error('The answer is too large.');
  }
  if (response.statusCode !== 200) throw new Error(`The answer is ${response.statusCode}.`);
  return JSON.parse(text);
}

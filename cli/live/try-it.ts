import type { Workload } from '../../sdk/index.ts';

/** Where a running instance is called, and a call to try; undefined for what takes no calls. */
export function tryIt(workload: Workload, baseUrl: string): { url: string; curl: string } | undefined {
  const { id, kind, ref, category, custom_api_path } = workload;
  if (kind !== 'inference_instance') return undefined;
  if (custom_api_path !== null) {
    const url = `${baseUrl}/inference-instances/${id}/proxy${custom_api_path}`;
    return { url, curl: `curl ${url} -H "Authorization: Bearer $ECO_API_KEY"` };
  }
  const call = CALLS[category ?? ''];
  if (!call) return undefined;
  const [path, input, result = ''] = call;
  const url = `${baseUrl}${path}`;
  const body = JSON.stringify({ model: ref, ...input });
  const headers = `-H "Authorization: Bearer $ECO_API_KEY" -H "Content-Type: application/json"`;
  return { url, curl: `curl ${url} ${headers} -d '${body}'${result}` };
}

/** Category → path, the rest of a body, and where the answer goes if it is not to be read. */
const CALLS: Record<string, [path: string, input: object, result?: string]> = {
  chat: ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hello' }] }],
  embedding: ['/v1/embeddings', { input: 'Hello' }],
  reranker: ['/v1/rerank', { query: 'fruit', documents: ['apple', 'brick'] }],
  image: ['/v1/images/generations', { prompt: 'A lighthouse at dawn' }],
  audio: ['/v1/audio/speech', { input: 'Hello', voice: 'alloy' }, ' -o speech.mp3'],
  video: ['/v1/video/generations', { prompt: 'Waves at dawn' }],
};

/** A path that never enters Hono: what it serves. */
export interface HotRoute {
  path: string;
  /** Categories of catalogue and of own models that answer here. */
  categories: readonly string[];
}

export const hotRoutes: readonly HotRoute[] = [{ path: '/v1/chat/completions', categories: ['chat', 'vision'] }];

/** Where each category answers, for whoever knocked at another door. */
export const endpointOf: Readonly<Record<string, string>> = {
  chat: 'POST /v1/chat/completions',
  vision: 'POST /v1/chat/completions',
  embedding: 'POST /v1/embeddings',
  reranker: 'POST /v1/rerank',
  image: 'POST /v1/images/generations',
  speech: 'POST /v1/audio/speech',
  transcription: 'POST /v1/audio/transcriptions',
  audio: 'POST /v1/audio/speech or POST /v1/audio/transcriptions',
  video: 'POST /v1/video/generations',
};

export function findHotRoute(method: string, url: string): HotRoute | undefined {
  if (method !== 'POST') return undefined;
  for (const route of hotRoutes) {
    if (!url.startsWith(route.path)) continue;
    const next = url.charCodeAt(route.path.length);
    if (url.length === route.path.length || next === 0x3f) return route; // "?"
  }
  return undefined;
}

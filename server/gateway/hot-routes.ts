import type { Body } from './bodies/body.ts';
import { readJsonBody } from './bodies/json-body.ts';
import { readMultipartBody } from './bodies/multipart-body.ts';
import { chat, responses } from './services/chat.ts';
import { embeddings } from './services/embeddings.ts';
import { imageEdits, images } from './services/images.ts';
import { rerank } from './services/rerank.ts';
import type { Service } from './services/service.ts';
import { speech } from './services/speech.ts';
import { transcriptions } from './services/transcriptions.ts';

/** A path, and the categories of catalogue and of own models that answer there. */
export interface Door {
  path: string;
  categories: readonly string[];
}

/** A path that never enters Hono: how its body is read, and what is known of the service behind it. */
export interface HotRoute extends Door {
  /** Behind the replica's `/v1`. */
  replicaPath: string;
  readBody(bytes: Buffer, contentType: string | undefined): Body;
  service: Service;
}

const CHAT = ['chat', 'vision'];

export const hotRoutes: readonly HotRoute[] = [
  route('/chat/completions', CHAT, readJsonBody, chat),
  route('/completions', CHAT, readJsonBody, chat),
  route('/responses', CHAT, readJsonBody, responses),
  route('/embeddings', ['embedding'], readJsonBody, embeddings),
  route('/rerank', ['reranker'], readJsonBody, rerank),
  route('/images/generations', ['image'], readJsonBody, images),
  route('/images/edits', ['image'], readMultipartBody, imageEdits),
  route('/audio/speech', ['speech', 'audio'], readJsonBody, speech),
  route('/audio/transcriptions', ['transcription', 'audio'], readMultipartBody, transcriptions),
];

/** Ties a service to the one kind of body that it reads. */
function route<B extends Body>(
  replicaPath: string,
  categories: readonly string[],
  readBody: (bytes: Buffer, contentType: string | undefined) => B,
  service: Service<B>,
): HotRoute {
  return { path: `/v1${replicaPath}`, replicaPath, categories, readBody, service };
}

const VIDEO = 'POST /v1/video/generations';

/** Where a category answers, for whoever knocked at another door. */
export function endpointsOf(category: string): string {
  if (category === 'video') return VIDEO;
  const paths = hotRoutes.filter(({ categories }) => categories.includes(category)).map(({ path }) => `POST ${path}`);
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(paths) || 'its own endpoint';
}

export function findHotRoute(method: string, url: string): HotRoute | undefined {
  if (method !== 'POST') return undefined;
  for (const route of hotRoutes) {
    if (!url.startsWith(route.path)) continue;
    const next = url.charCodeAt(route.path.length);
    if (url.length === route.path.length || next === 0x3f) return route; // "?"
  }
  return undefined;
}

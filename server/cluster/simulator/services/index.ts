import { speech } from './audio/speech.ts';
import { transcriptions } from './audio/transcriptions.ts';
import { chat } from './chat/index.ts';
import { completions } from './completions/index.ts';
import { imageFile } from './images/files.ts';
import { imageEdits, imageGenerations } from './images/images.ts';
import { responses } from './responses/index.ts';
import type { Service } from './service.ts';
import { tokenizeText } from './text/tokenize-text.ts';
import { embeddings } from './vectors/embeddings.ts';
import { rerank } from './vectors/rerank.ts';
import { cancelVideo, getVideo, orderVideo, videoContent } from './video/videos.ts';

/** All that an engine can be asked for, by method and path. */
export const services: Readonly<Record<string, Service>> = {
  'POST /v1/chat/completions': chat,
  'POST /v1/completions': completions,
  'POST /v1/responses': responses,
  'POST /v1/embeddings': embeddings,
  'POST /v1/rerank': rerank,
  'POST /v2/rerank': rerank,
  'POST /rerank': rerank,
  'POST /v1/images/generations': imageGenerations,
  'POST /v1/images/edits': imageEdits,
  'GET /files/{name}': imageFile,
  'POST /v1/audio/speech': speech,
  'POST /v1/audio/transcriptions': transcriptions,
  'POST /v1/video/generations': orderVideo,
  'GET /v1/video/generations/{id}': getVideo,
  'DELETE /v1/video/generations/{id}': cancelVideo,
  'GET /v1/video/generations/{id}/content': videoContent,
  'POST /tokenize': tokenizeText,
};

interface Found {
  service: Service;
  params: Record<string, string>;
}

/** The service of a path, with what stands in the place of `{id}`. */
export function findService(method: string, pathname: string): Found | undefined {
  for (const { service, verb, pattern } of routes) {
    const match = verb === method ? pattern.exec(pathname) : null;
    if (match) return { service, params: { ...match.groups } };
  }
  return undefined;
}

const routes = Object.entries(services).map(([key, service]) => {
  const [verb = '', path = ''] = key.split(' ');
  return { service, verb, pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`) };
});

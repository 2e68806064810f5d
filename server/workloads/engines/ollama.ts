import { type Engine, type EngineLaunch, imageNamed } from './engine.ts';
import { unrevised } from './weights.ts';

/**
 * The server downloads nothing by itself and is "healthy" without a model. So one on the port before fetches the model
 * and gives it its served name; only then the real one begins.
 */
const FETCH = `
export OLLAMA_HOST="127.0.0.1:$((PORT - 1))"
ollama serve & server=$!
until ollama list >/dev/null 2>&1; do kill -0 $server; sleep 1; done
`;
const SERVE = `
kill $server; wait $server || true
OLLAMA_HOST="$HOST:$PORT" exec ollama serve
`;
const PULL = `${FETCH}ollama pull "$1"\nollama cp "$1" "$2"${SERVE}`;
const CREATE = `${FETCH}file=$(mktemp)\nprintf 'FROM %s\\n' "$1" > "$file"\nollama create "$2" -f "$file"\nrm "$file"${SERVE}`;
const PLAIN = '\nOLLAMA_HOST="$HOST:$PORT" exec ollama serve\n';

export const ollama: Engine = {
  name: 'ollama',
  image: 'ollama/ollama:latest',
  pattern: imageNamed('ollama'),
  binary: 'ollama',
  program: ['sh', '-euc'],
  entry: ['sh', '-euc'],
  port: 11_434,
  healthPath: '/',
  metrics: null,
  categories: ['chat', 'embedding'],
  names: { flag: null },
  usage: 'final',
  gpusMax: Number.POSITIVE_INFINITY,
  env: { OLLAMA_KEEP_ALIVE: '-1' },
  args: script,
  note: 'Takes repositories of GGUF files, and fetches the model before it is ready.',
};

function script({ source, servedName }: EngineLaunch): string[] {
  const weights = unrevised('ollama', source);
  if (!weights) return [PLAIN];
  return weights.revision === null
    ? [CREATE, 'ollama', weights.name, servedName]
    : [PULL, 'ollama', `hf.co/${weights.name}`, servedName];
}

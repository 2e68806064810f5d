/** One line of an exposition: a value under a name and labels. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  /** May be NaN or infinite. */
  value: number;
}

const LINE_CHARS_MAX = 8_192;

/**
 * Samples of a text in Prometheus' format, or OpenMetrics. Lines of names that are not wanted are read no further than
 * their name: an engine tells hundreds of buckets beside the few numbers of use. What is no sample is passed over.
 */
export function parseMetrics(text: string, isWanted: (name: string) => boolean = () => true): Sample[] {
  const samples: Sample[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    NAME.lastIndex = start;
    const name = NAME.exec(text)?.[1];
    if (name !== undefined && end - start <= LINE_CHARS_MAX && isWanted(name)) {
      const sample = parseRest(name, text.slice(NAME.lastIndex, end));
      if (sample) samples.push(sample);
    }
    start = end + 1;
  }
  return samples;
}

const NAME = /[ \t]*([a-zA-Z_:][\w:]*)/y;
/** Labels perhaps, a value, and a time of no use. */
const REST = /^[ \t]*(?:\{((?:[^"}]|"(?:\\.|[^"\\])*")*)\}[ \t]*|[ \t])(\S+)/;
const LABEL = /([a-zA-Z_]\w*)\s*=\s*"((?:\\.|[^"\\])*)"/g;

function parseRest(name: string, rest: string): Sample | undefined {
  const [, labels = '', spelled = ''] = REST.exec(rest) ?? [];
  const value = parseValue(spelled);
  if (value === undefined) return undefined;
  const pairs = [...labels.matchAll(LABEL)].map(([, label = '', text = '']) => [label, plain(text)]);
  return { name, labels: Object.fromEntries(pairs), value };
}

const plain = (text: string) => text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const SPECIAL: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

const parseValue = (text: string): number | undefined =>
  NUMBER.test(text) ? Number(text) : SPECIAL[text.toLowerCase()];

import { type Finding, finding, type Source } from './source.ts';

interface Banned {
  where: 'code' | 'comments' | 'path';
  pattern: RegExp;
  instead: string;
}

const NAME_IT = 'Name it by what it holds or decides, and put each part beside what it serves.';

const banned: Banned[] = [
  { where: 'path', pattern: /(?<![a-z])(?:utils?|helpers?|managers?)(?![a-z])/g, instead: NAME_IT },
  {
    where: 'code',
    // `fieldManager` is Kubernetes' own word
    pattern:
      /\b(?!fieldManager\b)(?:\w*[a-z\d_])?(?:(?<![a-z])(?:utils|helpers?|managers?)|Utils?|Helpers?|Managers?)(?![a-z])\w*/g,
    instead: NAME_IT,
  },
  { where: 'code', pattern: /\bas\s+any\b/g, instead: 'Parse the value with zod, or narrow it from unknown.' },
  {
    where: 'code',
    pattern: /\bconsole\s*\.\s*log\b/g,
    instead: 'Use the log of the context; in a command this.log; in a script process.stdout.write.',
  },
  {
    where: 'comments',
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    instead: 'Do it now, or open an issue and remove the note.',
  },
];

export function inspectWords(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) =>
    banned.flatMap(({ where, pattern, instead }) =>
      [...source[where].matchAll(pattern)].map(({ 0: word, index }) =>
        finding(
          source,
          where === 'path' ? 0 : index,
          `banned word "${word}"${where === 'path' ? ' in the name' : ''}`,
          instead,
        ),
      ),
    ),
  );
}

import { type Finding, finding, type Source } from './source.ts';

const REASON_CHARS_MIN = 10;
const SUPPRESSION = /biome-ignore(?:-\w+)?\b[^:\n]*:?(.*)|@ts-(?:ignore|nocheck|expect-error)\b:?(.*)/g;

/** A linter or compiler told to be quiet without saying why. */
export function inspectSuppressions(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) =>
    [...source.comments.matchAll(SUPPRESSION)]
      .filter(({ 1: lint, 2: types }) => !isReason(lint ?? types ?? ''))
      .map(({ index }) =>
        finding(
          source,
          index,
          'suppression without a reason',
          'Say after a colon why it is right here, or mend the code.',
        ),
      ),
  );
}

const isReason = (text: string) => text.replaceAll(/<explanation>|\*\//g, '').trim().length >= REASON_CHARS_MIN;

const ONLY = /\b(?:test|it|describe|suite)\.only\b|\bonly:\s*true\b/g;
const SKIP_CALL = /\b(?:test|it|describe|suite)\.(?:skip|todo)\b|\b\w+\.(?:skip|todo)\(\s*\)/g;
const SKIP_OPTION = /[{,]\s*(?:skip|todo):\s*([^,}\n]*)/g;

/** Tests that are left out and do not say why, or that leave out all others. */
export function inspectSkips(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => path.startsWith('test/'))
    .flatMap((source) => [
      ...[...source.code.matchAll(ONLY)].map(({ index }) =>
        finding(source, index, 'leaves out all other tests', 'Remove `only`.'),
      ),
      ...[...source.code.matchAll(SKIP_CALL), ...source.code.matchAll(SKIP_OPTION)]
        .filter((match) => !tellsWhy(source, match))
        .map(({ index }) =>
          finding(
            source,
            index,
            'skipped without a reason',
            "Write `{ skip: condition && 'why, and what brings it back' }`.",
          ),
        ),
    ]);
}

const REASON_NAME = /^(?:no|why)[A-Z]\w*(?:\(\))?\s*$/;

/** A text that is long enough to be one, or a name that says that it is: `noTerminal`, `whyNoRig()`. */
const tellsWhy = ({ literals }: Source, { 0: found, 1: option, index }: RegExpExecArray) =>
  option !== undefined &&
  (REASON_NAME.test(option) ||
    literals.some(({ at, value }) => at >= index && at < index + found.length && isReason(value)));

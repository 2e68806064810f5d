/** A stretch of a source file that is not code. */
export interface Span {
  kind: 'comment' | 'text';
  start: number;
  end: number;
}

/** Comments and literal texts (strings, template parts, regular expressions) in order; what lies between is code. */
export function lex(text: string): Span[] {
  const spans: Span[] = [];
  const holes: number[] = []; // of each open template hole, the braces open inside it
  let at = 0;
  const take = (kind: Span['kind'], start: number, end: number) => {
    spans.push({ kind, start, end });
    at = end;
  };
  const takeTemplate = (start: number) => {
    const end = endOf(TEMPLATE_PART, text, start + 1) ?? text.length;
    if (text.endsWith('${', end)) holes.push(0);
    take('text', start, end);
  };

  for (;;) {
    SPECIAL.lastIndex = at;
    const match = SPECIAL.exec(text);
    if (match === null) return spans;
    const [found] = match;
    const start = match.index;
    at = start + found.length;
    const depth = holes.at(-1);
    const regexEnd = found === '/' && mayStartRegex(text, start) ? endOf(REGEX, text, start) : undefined;
    if (found.startsWith('//') || found.startsWith('/*')) take('comment', start, at);
    else if (regexEnd !== undefined) take('text', start, regexEnd);
    else if (found === '/') continue;
    else if (found === '`') takeTemplate(start);
    else if (found !== '{' && found !== '}') take('text', start, at);
    else if (depth === undefined) continue;
    else if (found === '{') holes[holes.length - 1] = depth + 1;
    else if (depth > 0) holes[holes.length - 1] = depth - 1;
    else {
      holes.pop();
      takeTemplate(start);
    }
  }
}

const SPECIAL = /\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"|[`{}/]/g;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const TEMPLATE_PART = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|void|yield))\s*$/;
const LOOK_BACK_CHARS = 40;

const mayStartRegex = (text: string, at: number) =>
  BEFORE_REGEX.test(text.slice(Math.max(0, at - LOOK_BACK_CHARS), at));

function endOf(pattern: RegExp, text: string, start: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** The file with everything but `kind` made blank, so that offsets and lines stay true. Quotes stay in code. */
export function keepOnly(kind: 'code' | 'comment', text: string, spans: readonly Span[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { kind: found, start, end } of spans) {
    const between = text.slice(at, start);
    const span = text.slice(start, end);
    parts.push(kind === 'code' ? between : blank(between));
    parts.push(found === kind ? span : kind === 'code' && found === 'text' ? blankInside(span) : blank(span));
    at = end;
  }
  const rest = text.slice(at);
  return parts.join('') + (kind === 'code' ? rest : blank(rest));
}

const blank = (text: string) => text.replaceAll(/[^\n]/g, ' ');
const blankInside = (text: string) => text.slice(0, 1) + blank(text.slice(1, -1)) + text.slice(1).slice(-1);

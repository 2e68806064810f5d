import { stripVTControlCharacters } from 'node:util';
import { Box, render, Text, useInput } from 'ink';
import { createElement } from 'react';
import { hasColor } from '../terminal.ts';
import { type Line, paintLine, type Size } from './line.ts';
import { widthOf } from './width.ts';

const TICK_MS = 1_000;
const COLUMNS = 80;
const ROWS = 24;

export interface View {
  stream: NodeJS.WriteStream;
  /** What stands there now, in at most `rows` lines. */
  draw(size: Size): readonly Line[];
  /** A key other than Ctrl-C, by its letter or its name. */
  onKey?: ((key: string) => void) | undefined;
}

export interface Screen extends AsyncDisposable {
  /** Draws again at once; the clock does it every second. */
  refresh(): void;
}

/** Keeps a view at the end of what the terminal shows, until it is disposed: then its last state stays there. */
export function openScreen({ stream, draw, onKey }: View): Screen {
  let lines: string[] = [];
  const paint = () => {
    const size = { columns: stream.columns || COLUMNS, rows: (stream.rows || ROWS) - 1 }; // the cursor has the last row
    const style = { columns: size.columns, hasColor: hasColor(stream) };
    lines = draw(size)
      .slice(0, size.rows)
      .map((line) => paintLine(line, style));
    return createElement(Frame, { lines, onKey });
  };
  const unwrap = () => stream.write(unwrapped(lines, stream.columns));
  stream.on('resize', unwrap); // before ink, which erases as many rows as it wrote
  const app = render(paint(), { stdout: stream, exitOnCtrlC: false, interactive: true, patchConsole: false });
  const refresh = () => app.rerender(paint());
  stream.on('resize', refresh);
  const clock = setInterval(refresh, TICK_MS);
  return {
    refresh,
    async [Symbol.asyncDispose]() {
      clearInterval(clock);
      stream.off('resize', unwrap).off('resize', refresh);
      refresh();
      app.unmount();
      await app.waitUntilExit();
    },
  };
}

/** A terminal that got narrower has broken long lines in two: erases them all, and leaves the cursor as many rows below their top as there are lines. */
function unwrapped(lines: readonly string[], columns: number): string {
  const widths = lines.map((line) => widthOf(stripVTControlCharacters(line)));
  const rows = widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
  return rows === lines.length ? '' : `\u001b[${rows}A\r\u001b[J${'\n'.repeat(lines.length)}`;
}

interface FrameProps {
  lines: readonly string[];
  onKey: View['onKey'];
}

/** The lines, and the keyboard: raw, so that nothing typed is written into the view. */
function Frame({ lines, onKey }: FrameProps) {
  useInput((input, key) => pressed(input, key, onKey), { isActive: process.stdin.isTTY === true });
  const texts = lines.map((line, at) => createElement(Text, { key: at, wrap: 'truncate-end' }, line || ' '));
  return createElement(Box, { flexDirection: 'column' }, texts);
}

interface Pressed {
  ctrl: boolean;
  upArrow: boolean;
  downArrow: boolean;
}

/** A raw terminal sends no signal for Ctrl-C, so that it is raised here: one way to leave, wherever it comes from. */
function pressed(input: string, key: Pressed, onKey: View['onKey']): void {
  if (key.ctrl && input === 'c') return void process.kill(process.pid, 'SIGINT');
  onKey?.(key.upArrow ? 'up' : key.downArrow ? 'down' : input);
}

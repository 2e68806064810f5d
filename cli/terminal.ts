interface Output {
  isTTY?: boolean | undefined;
}

/** Whether a person watches this stream as it is written, so that a view may move the cursor and draw again. */
export function isWatched(stream: Output, env: NodeJS.ProcessEnv = process.env): boolean {
  return isAttended(stream, env) && env.TERM !== 'dumb';
}

/** Whether a person sits at this end, who can be asked: nobody is behind a pipe, nor in a build that lends itself a terminal. */
export function isAttended(stream: Output, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !isOn(env.CI);
}

/** Whether colours help whoever reads this stream: FORCE_COLOR goes before NO_COLOR, and both before what the stream is. */
export function hasColor(stream: Output, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.FORCE_COLOR !== undefined) return isOn(env.FORCE_COLOR) || env.FORCE_COLOR === '';
  if (env.NO_COLOR) return false;
  return stream.isTTY === true && env.TERM !== 'dumb';
}

const isOn = (value: string | undefined) => value !== undefined && !['', '0', 'false'].includes(value);

// Views come with ink and react: they are loaded when a person watches, and never otherwise.

export async function loadTimeline() {
  forProduction();
  return (await import('./watch-timeline.ts')).watchTimeline;
}

export async function loadTable() {
  forProduction();
  return (await import('./watch-workloads.ts')).watchWorkloads;
}

/** React has another half for those who develop with it: slower, and it keeps a note of every drawing. */
function forProduction(): void {
  process.env.NODE_ENV ??= 'production';
}

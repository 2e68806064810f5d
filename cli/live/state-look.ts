import type { ReplicaState, WorkloadState } from '../../sdk/index.ts';
import type { Tone } from './line.ts';

type State = WorkloadState | ReplicaState;

/** Told apart by sign and word as well as by colour. */
export const SIGNS: Record<State, string> = {
  pending: '○',
  pulling: '↓',
  loading: '◐',
  running: '●',
  ready: '●',
  degraded: '◑',
  unready: '◑',
  restarting: '↻',
  stopping: '◌',
  stopped: '■',
  failed: '✗',
  terminated: '■',
  gone: '■',
};

export const TONES: Record<State, Tone> = {
  pending: 'busy',
  pulling: 'busy',
  loading: 'busy',
  running: 'good',
  ready: 'good',
  degraded: 'busy',
  unready: 'busy',
  restarting: 'bad',
  stopping: 'busy',
  stopped: 'faint',
  failed: 'bad',
  terminated: 'faint',
  gone: 'faint',
};

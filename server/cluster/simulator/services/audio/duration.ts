/** How long a file sounds, in seconds; undefined where it is no WAV, MP3 or FLAC. */
export function findDuration(file: Buffer): number | undefined {
  return wavDuration(file) ?? flacDuration(file) ?? mp3Duration(file);
}

/** Data divided by bytes a second; a length that was unknown when the head was written is what follows it. */
function wavDuration(file: Buffer): number | undefined {
  if (tag(file, 0) !== 'RIFF' || tag(file, 8) !== 'WAVE') return undefined;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const length = file.readUInt32LE(at + 4);
    const left = file.length - at - 8;
    if (tag(file, at) === 'fmt ' && left >= 12) bytesPerSecond = file.readUInt32LE(at + 16);
    if (tag(file, at) === 'data') return bytesPerSecond > 0 ? Math.min(length, left) / bytesPerSecond : undefined;
    at += 8 + length + (length % 2);
  }
  return undefined;
}

function flacDuration(file: Buffer): number | undefined {
  if (tag(file, 0) !== 'fLaC' || file.length < 26) return undefined;
  const rate = file.readUIntBE(18, 3) >> 4;
  const samples = (file.readUInt8(21) & 0x0f) * 2 ** 32 + file.readUInt32BE(22);
  return rate > 0 ? samples / rate : undefined;
}

const tag = (file: Buffer, at: number): string => file.toString('latin1', at, at + 4);

/** The sum of all frames of layer III, from the first one on. */
function mp3Duration(file: Buffer): number | undefined {
  let seconds = 0;
  let at = tag(file, 0).startsWith('ID3') ? tagLength(file) : 0;
  for (let frame = readFrame(file, at); frame; frame = readFrame(file, at)) {
    seconds += frame.seconds;
    at += frame.length;
  }
  return seconds > 0 ? seconds : undefined;
}

/** An ID3 tag tells its length in four times seven bits. */
function tagLength(file: Buffer): number {
  const size = [...file.subarray(6, 10)].reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  return 10 + size;
}

const BITRATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/** By the version bits of a frame: 2.5, none, 2, 1. */
const VERSIONS = [
  { rates: [11_025, 12_000, 8_000], bitrates: BITRATES_2, samples: 576 },
  undefined,
  { rates: [22_050, 24_000, 16_000], bitrates: BITRATES_2, samples: 576 },
  { rates: [44_100, 48_000, 32_000], bitrates: BITRATES_1, samples: 1_152 },
];
const LAYER_3 = 1;

function readFrame(file: Buffer, at: number): { length: number; seconds: number } | undefined {
  if (at + 4 > file.length) return undefined;
  const head = file.readUInt32BE(at);
  const version = VERSIONS[(head >>> 19) & 3];
  if (head >>> 21 !== 0x7ff || ((head >>> 17) & 3) !== LAYER_3 || !version) return undefined;
  const rate = version.rates[(head >>> 10) & 3];
  const kilobits = version.bitrates[(head >>> 12) & 15];
  if (!rate || !kilobits) return undefined;
  const padding = (head >>> 9) & 1;
  return {
    length: Math.floor(((version.samples / 8) * kilobits * 1_000) / rate) + padding,
    seconds: version.samples / rate,
  };
}

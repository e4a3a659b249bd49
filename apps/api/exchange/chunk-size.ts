import { badField } from '../rest/errors.js';

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** Bytes in a text such as `512MB`. */
export function chunkSizeOf(text: string): number {
  const match = /^\s*(\d{1,15}(?:\.\d{1,3})?)\s*(B|KB|MB|GB|TB)?\s*$/i.exec(text);
  if (!match) throw badField('chunk_size', 'chunk_size is not of the form NUMBER[B|KB|MB|GB|TB].');
  const bytes = Math.floor(Number(match[1]) * UNITS[(match[2] ?? 'B').toUpperCase()]!);
  if (bytes <= 0) throw badField('chunk_size', 'Chunk size must be greater than zero.');
  if (bytes > UNITS['TB']!) throw badField('chunk_size', 'Chunk size must be at most 1TB.');
  return bytes;
}

import { ByteReader, truncated } from './byte-reader.js';
import { MemberNames, memberName } from './member-name.js';
import { type PaxOverrides, readPaxHeader } from './pax-header.js';
import { DOCKER_ARCHIVE, refused, shown } from './refusal.js';
import { readTarHeader, type TarHeader } from './tar-header.js';
import { BLOCK } from './tar-writer.js';

/** A regular file in an archive; `offset` is where its bytes begin in the uncompressed archive. */
export interface TarFile {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
}

/** Takes a file of an archive; what it leaves of the body is skipped. */
export type TarVisitor = (file: TarFile, body: AsyncIterable<Buffer>) => Promise<void>;

/** What an archive may be. */
export interface TarLimits {
  /** Most headers of any kind. */
  readonly entries: number;
}

const LARGEST_EXTENSION = 64 * 1024;
/** How archives of Docker link to the layer that comes under its digest. */
const DOCKER_LAYER = /^[a-f0-9]{64}\/layer\.tar$/;
const NO_FILES: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a named pipe',
  K: 'a link with a long name',
  M: 'a file continued from another volume',
  S: 'a sparse file',
};

/**
 * Reads a tar archive (ustar, pax or GNU) once, front to back, and shows every regular file. Folders are passed over; all
 * other kinds of members, names outside the folder, names that come twice, cut-off archives and bytes after the end mark
 * are refused. What `visit` leaves of a body is skipped.
 */
export async function readTar(bytes: AsyncIterable<Buffer>, limits: TarLimits, visit: TarVisitor): Promise<void> {
  const reader = new ByteReader(bytes);
  try {
    await readMembers(reader, limits, visit);
  } finally {
    await reader.close();
  }
}

async function readMembers(reader: ByteReader, limits: TarLimits, visit: TarVisitor): Promise<void> {
  const names = new MemberNames();
  let overrides: PaxOverrides = {};
  for (let entries = 1; ; entries += 1) {
    const block = await reader.take(BLOCK);
    if (!block) throw reader.position === 0 ? refused('The file is empty; send a tar archive.') : truncated();
    if (isZero(block)) return requireEnd(reader);
    if (entries > limits.entries) throw refused(`The archive has more than ${limits.entries} members.`);
    const header = readTarHeader(block);
    if (isExtension(header.type)) {
      overrides = merge(overrides, await readExtension(reader, header));
      continue;
    }
    await readMember(reader, names, { ...header, ...renamed(overrides) }, visit);
    overrides = {};
  }
}

async function readMember(
  reader: ByteReader,
  names: MemberNames,
  { name, size, type }: TarHeader,
  visit: TarVisitor,
): Promise<void> {
  const path = memberName(name);
  const folder = type === '5' || (type === '0' && name.at(-1) === 0x2f);
  if (!folder && type !== '0')
    throw refused(
      type === '2' && DOCKER_LAYER.test(path)
        ? DOCKER_ARCHIVE
        : `The archive has ${shown(path)}, ${kindOf(type)}; only files are taken.`,
    );
  if (folder && size !== 0) throw refused(`The archive has the folder ${shown(path)} with bytes in it.`);
  if (folder) return names.addFolder(path);
  names.addFile(path);
  const begin = reader.position;
  await visit({ path, size, offset: begin }, reader.pass(size));
  for await (const _ of reader.pass(begin + size + ((BLOCK - (size % BLOCK)) % BLOCK) - reader.position));
}

const isExtension = (type: string) => type === 'x' || type === 'g' || type === 'L';

async function readExtension(reader: ByteReader, { type, size }: TarHeader): Promise<PaxOverrides> {
  if (size > LARGEST_EXTENSION)
    throw refused(`The archive has an extended header of more than ${LARGEST_EXTENSION} bytes.`);
  const body = (await reader.take(size)) ?? Buffer.alloc(0);
  if (body.length !== size || (await reader.take((BLOCK - (size % BLOCK)) % BLOCK)) === undefined) throw truncated();
  if (type === 'L') return { path: body.subarray(0, body.indexOf(0) < 0 ? body.length : body.indexOf(0)) };
  const found = readPaxHeader(body);
  if (type === 'x') return found;
  if (Object.keys(found).length > 0) throw refused('The archive has a global header that names or sizes every member.');
  return {};
}

function merge(first: PaxOverrides, second: PaxOverrides): PaxOverrides {
  for (const key of Object.keys(second))
    if (key in first) throw refused(`The archive gives two ${key === 'path' ? 'names' : 'sizes'} to one member.`);
  return { ...first, ...second };
}

function renamed({ path, size }: PaxOverrides): Partial<TarHeader> {
  return { ...(path ? { name: path } : {}), ...(size === undefined ? {} : { size }) };
}

function kindOf(type: string): string {
  return NO_FILES[type] ?? `a member of type ${shown(type)}`;
}

async function requireEnd(reader: ByteReader): Promise<void> {
  const second = await reader.take(BLOCK);
  if (!second) throw truncated();
  if (!isZero(second)) throw refused('The archive goes on after a zero block; it is damaged.');
  for (let rest = await reader.some(1 << 20); rest; rest = await reader.some(1 << 20))
    if (!isZero(rest)) throw refused('Bytes follow the end of the archive; send one archive and nothing else.');
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

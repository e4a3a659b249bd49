/** Bytes in a tar block (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const BLOCK = 512;

/** Two zero blocks: how an archive ends. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK);

const LARGEST_OCTAL = 0o77777777777;
const LONGEST_NAME = 100;

/**
 * Header blocks of a regular file of mode 0644, owner 0 and time 0: the same bytes for the same name and size. What ustar
 * cannot say, names over 100 bytes and sizes from 8 GiB, is said by a pax header in front.
 */
export function tarHeader(path: string, size: number): Buffer {
  const records = [
    ...(Buffer.byteLength(path) > LONGEST_NAME ? [paxRecord('path', path)] : []),
    ...(size > LARGEST_OCTAL ? [paxRecord('size', String(size))] : []),
  ];
  const header = ustarHeader(path, size, '0');
  if (records.length === 0) return header;
  const body = Buffer.from(records.join(''));
  return Buffer.concat([ustarHeader('PaxHeader', body.length, 'x'), body, tarPadding(body.length), header]);
}

/** Zeros that fill the last block of a file. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

function ustarHeader(path: string, size: number, type: '0' | 'x'): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(Buffer.from(path).subarray(0, LONGEST_NAME).toString('latin1'), 0, 'latin1');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${octal(size > LARGEST_OCTAL ? 0 : size)}\0`, 124);
  header.write(`${octal(0)}\0`, 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const octal = (value: number) => value.toString(8).padStart(11, '0');

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

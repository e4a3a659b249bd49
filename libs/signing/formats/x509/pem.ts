const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** One PEM block as text, with its label. */
export interface PemBlock {
  readonly label: string;
  readonly text: string;
}

/** All PEM blocks in a text, in order; at most 1000. */
export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].slice(0, 1000).map((match) => ({ label: match[1]!, text: match[0] }));
}

/** The bytes of a PEM block's base64 body. */
export function pemBody(block: PemBlock): Buffer {
  return Buffer.from(block.text.replace(/-----[^-]+-----/g, ''), 'base64');
}

/** DER of every certificate in a PEM text. */
export function certificatesIn(text: string): Buffer[] {
  return pemBlocks(text)
    .filter((block) => block.label === 'CERTIFICATE')
    .map(pemBody);
}

/** PEM text of DER bytes. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

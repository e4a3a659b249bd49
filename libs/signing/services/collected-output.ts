/** Most bytes that a script may write to stdout, to stderr, and into its signature. */
export const OUTPUT_LIMIT = 4 * 1024 * 1024;

/** What a script wrote to one stream, up to {@link OUTPUT_LIMIT}. */
export class CollectedOutput {
  private readonly chunks: Buffer[] = [];
  private size = 0;

  /** False when the limit is passed; what came before is kept. */
  add(chunk: Buffer): boolean {
    this.size += chunk.length;
    if (this.size > OUTPUT_LIMIT) return false;
    this.chunks.push(chunk);
    return true;
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}

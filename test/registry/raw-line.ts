import { createConnection, type Socket } from 'node:net';

/** A connection on which requests are written byte by byte, and whose answers are read one after the other. */
export class RawLine {
  private received = Buffer.alloc(0);
  private wake: (() => void) | undefined;
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.wake?.();
    });
  }

  /** Connects to a port of loopback. */
  static async to(port: number): Promise<RawLine> {
    const socket = createConnection(port, '127.0.0.1');
    await new Promise<void>((done, fail) => socket.once('connect', done).once('error', fail));
    return new RawLine(socket);
  }

  write(text: string | Buffer): void {
    this.socket.write(text, 'latin1');
  }

  /** The next answer as it came; `isHead` says that it has no body whatever its length. Throws when the line is closed first. */
  async answer(isHead = false): Promise<string> {
    for (;;) {
      const whole = lengthOf(this.received.toString('latin1'), isHead);
      if (whole !== undefined && this.received.length >= whole) {
        const text = this.received.subarray(0, whole).toString('latin1');
        this.received = this.received.subarray(whole);
        return text;
      }
      if (this.closed) throw new Error('the line was closed before there was an answer');
      await new Promise<void>((done) => (this.wake = done));
    }
  }

  /** Writes a request and reads its answer. */
  async ask(request: string): Promise<string> {
    this.write(request);
    return this.answer(request.startsWith('HEAD'));
  }

  /** Bytes that came and belong to no answer yet. */
  get rest(): string {
    return this.received.toString('latin1');
  }

  close(): void {
    this.socket.destroy();
  }
}

function lengthOf(text: string, isHead: boolean): number | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, head + 2))?.[1];
  return head + 4 + (isHead || status === '304' ? 0 : Number(length ?? 0));
}

declare module 'seek-bzip' {
  /** Where bytes come from and go to. */
  class Stream {
    readByte(): number;
    writeByte(byte: number): void;
  }
  const Bunzip: {
    Stream: typeof Stream;
    decode(input: Stream, output: Pick<Stream, 'writeByte'>): void;
  };
  export default Bunzip;
}

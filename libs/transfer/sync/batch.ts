/** Gathers look-ups that are asked in the same moment and answers them with one query. */
export class Batch<Key, Value> {
  private waiting: { key: Key; done: (value: Value | undefined) => void; fail: (error: unknown) => void }[] = [];

  constructor(
    private readonly load: (keys: Key[]) => Promise<ReadonlyMap<Key, Value>>,
    private readonly most = 500,
  ) {}

  get(key: Key): Promise<Value | undefined> {
    return new Promise((done, fail) => {
      this.waiting.push({ key, done, fail });
      if (this.waiting.length === 1) setImmediate(() => this.flush());
    });
  }

  private flush(): void {
    for (let all = this.waiting.splice(0); all.length > 0;) {
      const some = all.splice(0, this.most);
      this.load([...new Set(some.map(({ key }) => key))]).then(
        (found) => some.forEach(({ key, done }) => done(found.get(key))),
        (error: unknown) => some.forEach(({ fail }) => fail(error)),
      );
    }
  }
}

import { describe_, type Made, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './content.js';
import { sha, someBytes } from './registry-process.js';

/** Digests that data sets are made with. */
export type Algorithm = 'sha256' | 'sha512';
let sets = 0;

/** What is pushed for one data set: blobs and manifests, the last of which are the parents of those before. */
export class DataSet {
  readonly name = `conformance/set-${(sets += 1)}`;
  readonly blobs = new Map<string, Buffer>();
  readonly manifests: Made[] = [];

  constructor(readonly algorithm: Algorithm) {}

  blob(bytes: Buffer, mediaType: string) {
    const digest = sha(bytes, this.algorithm);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }
  manifest(document: { mediaType: string } & Record<string, unknown>): Made {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
    const made = { mediaType: document.mediaType, digest: sha(bytes, this.algorithm), size: bytes.length, bytes };
    this.manifests.push(made);
    return made;
  }
  image(extra: Record<string, unknown> = {}): Made {
    const config = this.blob(Buffer.from(`{"salt":"${someBytes(8).toString('hex')}"}`), OCI_CONFIG);
    const layers = [this.blob(someBytes(100), OCI_LAYER), this.blob(someBytes(50), OCI_LAYER)];
    return this.manifest({ mediaType: OCI_MANIFEST, config, layers, ...extra });
  }
  index(children: readonly Made[], extra: Record<string, unknown> = {}): Made {
    return this.manifest({ mediaType: OCI_INDEX, manifests: children.map(describe_), ...extra });
  }
  artifact(extra: Record<string, unknown> = {}): Made {
    const empty = this.blob(Buffer.from('{}'), OCI_EMPTY);
    const layers = [this.blob(someBytes(20), 'application/vnd.example.data')];
    const artifactType = 'application/vnd.example.artifact';
    return this.manifest({ mediaType: OCI_MANIFEST, artifactType, config: empty, layers, ...extra });
  }
}

const annotations = { 'org.example.note': 'kept' };
const missing = { mediaType: OCI_MANIFEST, digest: sha('never pushed'), size: 7 };

/** The data sets of the suites. */
export const SETS: Record<string, (set: DataSet) => void> = {
  'an image': (set) => void set.image(),
  'an image with uncompressed layers': (set) =>
    void set.image({ layers: [set.blob(someBytes(9), 'application/vnd.oci.image.layer.v1.tar')] }),
  'a large manifest of 390 annotations of 10 kB': (set) =>
    void set.image({
      annotations: Object.fromEntries(
        Array.from({ length: 390 }, (_, at) => [`org.example.${at}`, 'x'.repeat(10_000)]),
      ),
    }),
  'an index': (set) => void set.index([set.image(), set.image()]),
  'a nested index': (set) => void set.index([set.index([set.image()]), set.image()]),
  'an empty index': (set) => void set.index([]),
  'an artifact': (set) => void set.artifact(),
  'an index of artifacts': (set) =>
    void set.index([set.artifact(), set.artifact()], { artifactType: 'application/vnd.example.list' }),
  'an artifact with a subject': (set) => void set.artifact({ subject: describe_(set.image()), annotations }),
  'an image with a subject': (set) => void set.image({ subject: describe_(set.image()), annotations }),
  'an index with a subject': (set) => {
    const [subject, child] = [set.image(), set.artifact()];
    set.index([child], { subject: describe_(subject), artifactType: 'application/vnd.example.list', annotations });
  },
  'an artifact whose subject is missing': (set) => void set.artifact({ subject: missing }),
  'the data field': (set) => {
    const bytes = Buffer.from('inline');
    const layer = { ...set.blob(bytes, OCI_LAYER), data: bytes.toString('base64') };
    set.image({ layers: [layer] });
  },
  'non-distributable layers': (set) => {
    const type = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    set.image({ layers: [{ mediaType: type, digest: sha('far away'), size: 8, urls: ['https://example.com/layer'] }] });
  },
  'custom fields': (set) => void set.image({ 'org.example.custom': { nested: [1, 'two', null] }, zzz: true }),
  'no layers': (set) => void set.image({ layers: [] }),
  'lists that Go never filled': (set) => {
    set.image({ layers: null });
    set.manifest({ mediaType: OCI_INDEX, manifests: null });
  },
};

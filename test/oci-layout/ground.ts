import { keyPair } from '#signing/formats/cosign/fixtures.js';
import { startRegistry, type TestRegistry } from '#signing/formats/cosign/registry-fixture.js';
import { formatOf } from '#signing/formats/all.js';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import type { BuiltinKeySource, FormatName, StoredManifest } from '#signing/formats/signature-format.js';
import { storeSignatures } from '#signing/store/store-signatures.js';
import { Bench } from './tools.js';
import { openWorld, type World } from './world.js';

/** What a spec with real clients stands on: an instance with a repository, a registry beside it, and a folder. */
export class Ground {
  private constructor(
    readonly world: World,
    readonly repositoryId: string,
    readonly registry: TestRegistry,
    readonly bench = new Bench(),
  ) {}

  static async open(): Promise<Ground> {
    const world = await openWorld();
    return new Ground(world, await world.repository('team/app'), await startRegistry());
  }

  async close(): Promise<void> {
    this.registry.close();
    this.bench.close();
    await this.world.close();
  }

  /** Signs a manifest of the instance. */
  async sign(manifest: StoredManifest, format: FormatName, key: BuiltinKeySource, reference = ''): Promise<void> {
    const signer = await formatOf(format).openSigner(key);
    const bytes = await signer.sign(manifest, reference, new Date());
    await storeSignatures(this.world, this.repositoryId, [{ format, manifest, bytes }]);
  }

  /** Pushes an image and its signature into the registry. */
  async pushSigned(format: FormatName, key: BuiltinKeySource): Promise<StoredManifest> {
    const image = await this.registry.pushImage('busybox');
    const signer = await formatOf(format).openSigner(key);
    const signature = await signer.sign(image, `${this.registry.repository}:v1`, new Date());
    await this.registry.push(formatOf(format).wrap!(image, signature, new Date()));
    return image;
  }

  /** Packs a folder as a user would, with its name in front of every member. */
  pack(folder: string): string {
    this.bench.run('tar', '-cf', `${folder}.tar`, folder);
    return this.bench.path(`${folder}.tar`);
  }

  /** Exports the repository into a file `out.tar`. */
  async export(
    ...request: Parameters<World['exportFile']> extends [string, string, ...infer Rest] ? Rest : never
  ): Promise<void> {
    await this.world.exportFile(this.repositoryId, this.bench.path('out.tar'), ...request);
  }

  /** Exports the repository and unpacks it into a folder. */
  async unpack(folder: string, ...request: Parameters<Ground['export']>): Promise<void> {
    await this.export(...request);
    this.bench.run('mkdir', folder);
    this.bench.run('tar', '-xf', 'out.tar', '-C', folder);
  }
}

/** A chain for notation: its root, and the key that signs. */
export async function notationKey() {
  const { root, leaf, pem } = await issueChain();
  return { root: root.pem, key: { privateKey: leaf.privateKeyPem, certificates: pem, shape: 'jws' } as const };
}

/** A fresh private key of cosign. */
export const cosignKey = (shape: 'tag' | 'bundle') => ({ privateKey: keyPair().privateKey, shape });

import { generateKeyPairSync } from 'node:crypto';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import { addBuiltinService, addScriptService } from '#signing/services/add-service.js';
import type { SigningServiceEntity } from '#signing/signing-service.entity.js';
import type { SigningGround } from './ground.js';
import type { SignWorld } from './sign-world.js';

/** Registers services of every kind in a world, with keys made for them. */
export class Services {
  private count = 0;

  constructor(
    private readonly world: SignWorld,
    private readonly ground: SigningGround,
  ) {}

  /** A built-in OpenPGP signer. */
  simple(): Promise<SigningServiceEntity> {
    const name = this.name('simple');
    const fingerprint = this.ground.home.newKey(`${name}@example.com`, 'ed25519');
    const privateKeyFile = this.ground.write(`${name}.asc`, this.ground.home.privateKey(fingerprint));
    const service = { name, class: 'container:ManifestSigningService', privateKeyFile };
    return addBuiltinService(this.world.source, service, this.ground.settings);
  }

  /** A built-in cosign signer. */
  cosign(shape: 'tag' | 'bundle'): Promise<SigningServiceEntity> {
    const name = this.name('cosign');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const privateKeyFile = this.ground.write(`${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const service = { name, class: 'container:CosignSigningService', privateKeyFile, shape };
    return addBuiltinService(this.world.source, service, this.ground.settings);
  }

  /** A built-in notation signer. */
  async notation(shape: 'jws' | 'cose'): Promise<SigningServiceEntity> {
    const name = this.name('notation');
    const { leaf, pem } = await issueChain();
    const service = {
      name,
      class: 'container:NotationSigningService',
      privateKeyFile: this.ground.write(`${name}.pem`, leaf.privateKeyPem),
      certificatesFile: this.ground.write(`${name}.crt`, pem),
      shape,
    };
    return addBuiltinService(this.world.source, service, this.ground.settings);
  }

  /** A script of simple signing, with a fresh key of the ground's ring. */
  script(script: string, key = this.ground.home.newKey(`${this.name('key')}@example.com`, 'ed25519')) {
    const service = { name: this.name('script'), class: 'container:ManifestSigningService', script, key };
    return addScriptService(this.world.source, { ...service, gnupgHome: this.ground.home.path }, this.ground.settings);
  }

  private name(kind: string): string {
    this.count += 1;
    return `${kind}-${this.count}`;
  }
}

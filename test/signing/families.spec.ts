import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { findReferrers } from '#content/read/find-referrers.js';
import { MediaType } from '#oci/media-types.js';
import { companionTagOf } from '#oci/reference.js';
import { issueChain } from '#signing/formats/notation/certificate-fixture.js';
import { addScriptService } from '#signing/services/add-service.js';
import type { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { ANSWER, requireTool, SigningGround } from './ground.js';
import { Services } from './services.js';
import { recordContext, SignWorld } from './sign-world.js';

const ground = new SigningGround();
const COSIGN = 'container:CosignSigningService';
const NOTATION = 'container:NotationSigningService';
let world: SignWorld;
let services: Services;

beforeAll(async () => {
  world = await SignWorld.open();
  services = new Services(world, ground);
});
afterAll(async () => {
  await world.close();
  ground.close();
});

/** Signs an index of two and an image; all must verify, be found again, and lie where clients look. */
async function expectFamily(service: SigningServiceEntity, scheme: string, type: string | null): Promise<void> {
  const repositoryId = await world.repository({ multi: 2, plain: 'image' });
  const run = () => world.handler.run(world.payload(repositoryId, service), recordContext().context);
  expect(await run()).toEqual({ signed: 3, skipped: 0, failed: [] });
  expect(await run()).toEqual({ signed: 0, skipped: 3, failed: [] });
  expect(await world.outcomes(repositoryId, service)).toEqual(['verified', 'verified', 'verified']);
  expect(await world.outcomes(repositoryId, await stranger(service))).toEqual(['untrusted', 'untrusted', 'untrusted']);
  for (const signature of await world.signatures(repositoryId)) {
    expect(signature.scheme).toBe(scheme);
    const { referrers } = await findReferrers(world.source, { repositoryId, pinned: null }, signature.digest);
    expect(referrers.map(({ artifactType }) => artifactType)).toEqual(type === null ? [] : [type]);
    const companion = await world.tagged(repositoryId, companionTagOf(signature.digest, 'sig'));
    expect(companion !== undefined).toBe(type === null);
  }
}

const stranger = (service: SigningServiceEntity) =>
  service.class === COSIGN ? services.cosign('tag') : services.notation('jws');

const BUNDLE = MediaType.sigstoreBundle;
const ENVELOPE = 'application/vnd.cncf.notary.signature';

describe('built-in signers', () => {
  it('cosign under the companion tag', async () => expectFamily(await services.cosign('tag'), 'cosign:tag', null));
  it('cosign as a bundle', async () => expectFamily(await services.cosign('bundle'), 'cosign:bundle', BUNDLE));
  it('notation as JWS', async () => expectFamily(await services.notation('jws'), 'notation:jws', ENVELOPE));
  it('notation as COSE', async () => expectFamily(await services.notation('cose'), 'notation:cose', ENVELOPE));
});

function addScript(className: string, script: string, key: string, environment: Record<string, string> = {}) {
  const service = { name: `${className} ${script}`, class: className, script, key, environment };
  return addScriptService(world.source, service, { ...ground.settings, scriptTimeout: 60 });
}

/** A key pair in the form of cosign, locked with a password. */
function cosignKeys(cosign: string, password: string): { privateKey: string; publicKey: string } {
  const folder = ground.write(`pair-${Math.random()}/empty`, '').replace(/\/empty$/, '');
  execFileSync(cosign, ['generate-key-pair'], {
    cwd: folder,
    env: { ...process.env, COSIGN_PASSWORD: password },
    stdio: 'pipe',
  });
  return { privateKey: readFileSync(`${folder}/cosign.key`, 'utf8'), publicKey: `${folder}/cosign.pub` };
}

function cosignSample(context: TestContext, program: string, name: string) {
  const cosign = requireTool(context, program);
  const { privateKey, publicKey } = cosignKeys(cosign, 'open sesame');
  const files = { 'cosign.key': privateKey, 'cosign.password': 'open sesame\n' };
  return addScript(COSIGN, ground.sample(name, files), publicKey, { COSIGN: cosign });
}

describe('sample scripts', () => {
  for (const program of ['cosignv2', 'cosignv3']) {
    it(`cosign.sh with ${program}`, async (context) => {
      await expectFamily(await cosignSample(context, program, 'cosign.sh'), 'cosign:tag', null);
    });

    it(`cosign-bundle.sh with ${program}`, async (context) => {
      const service = await cosignSample(context, program, 'cosign-bundle.sh');
      expect(service.shape).toBe('bundle');
      await expectFamily(service, 'cosign:bundle', BUNDLE);
    });
  }

  it.each(['P-256', 'RSA', 'P-256 with a passphrase'])('cosign-openssl.sh with a key of %s', async (kind) => {
    const { privateKey, publicKey } =
      kind === 'RSA'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const passphrase = kind.endsWith('passphrase') ? 'open sesame' : undefined;
    const lock = passphrase === undefined ? {} : { cipher: 'aes256', passphrase };
    const script = ground.sample('cosign-openssl.sh', {
      'key.pem': privateKey.export({ type: 'pkcs8', format: 'pem', ...lock }) as string,
      ...(passphrase === undefined ? {} : { 'key.passphrase': passphrase }),
    });
    const key = ground.write(`${kind}.pub`, publicKey.export({ type: 'spki', format: 'pem' }));
    await expectFamily(await addScript(COSIGN, script, key), 'cosign:tag', null);
  });

  for (const form of ['jws', 'cose'])
    it(`notation.sh as ${form}`, async (context) => {
      await notationSample('notation.sh', 'P-256', form, { NOTATION: requireTool(context, 'notation') });
    });

  it.each([2048, 3072, 4096] as const)('notation-openssl.sh with an RSA key of %i bits', async (size) => {
    await notationSample('notation-openssl.sh', size, 'jws');
  });
});

describe('a script of another family is refused when', () => {
  it('the script signs something else than the payload', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = ground.write('else.pub', publicKey.export({ type: 'spki', format: 'pem' }));
    const file = ground.write('else.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const script = ground.script('else.sh', `openssl dgst -sha256 -sign ${file} -out "$SIG_PATH" "$1"; ${ANSWER}`);
    await expect(addScript(COSIGN, script, key)).rejects.toThrow('The signature was refused at the check');
  });

  it('the script adds nothing to the layout', async () => {
    const { root } = await issueChain();
    const script = ground.script('nothing.sh', `echo "{\\"signature_path\\": \\"$LAYOUT\\"}"`);
    await expect(addScript(NOTATION, script, ground.write('root.pem', root.pem))).rejects.toThrow(
      'The script added no signature of the manifest to the layout.',
    );
  });
});

async function notationSample(
  name: string,
  key: 'P-256' | 2048 | 3072 | 4096,
  form: string,
  more: Record<string, string> = {},
): Promise<void> {
  const { leaf, root, pem } = await issueChain({ key });
  const script = ground.sample(name, { 'key.pem': leaf.privateKeyPem, 'chain.pem': pem });
  const certificate = ground.write(`${name}.${key}.${form}.root.pem`, root.pem);
  const service = await addScript(NOTATION, script, certificate, { ...more, SIGNATURE_FORMAT: form });
  await expectFamily(service, `notation:${form}`, ENVELOPE);
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type ClientHome, ownStorage } from './client-tools.js';
import { basic, PASSWORD, sha, someBytes } from './registry-process.js';

/** What clients do with a registry, in the order in which it is tried. */
export const OPERATIONS = ['push', 'pull', 'list tags', 'mount', 'sign', 'verify', 'attach', 'copy', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What a case has to work with. */
export interface Bench {
  readonly home: ClientHome;
  readonly host: string;
  /** An OCI layout with the tag v1. */
  readonly layout: string;
  readonly digest: string;
  /** Key in gpg's ring, its exported file, and a policy that asks for it. */
  readonly gpg: { readonly name: string; readonly policy: string };
}

/** How one client does what it can. Names of repositories begin with the client's own. */
export type Cases = Partial<Record<Operation, () => Promise<void>>>;

/** Every client of the table. */
export function clientCases(bench: Bench): Record<string, { program: string; cases: Cases }> {
  const containers = (program: string) => ({ program, cases: containerCases(bench, program) });
  return {
    'podman 4': containers('podman'),
    'podman 5': containers('podman5'),
    buildah: containers('buildah'),
    skopeo: { program: 'skopeo', cases: skopeoCases(bench) },
    crane: { program: 'crane', cases: craneCases(bench) },
    regctl: { program: 'regctl', cases: regctlCases(bench) },
    oras: { program: 'oras', cases: orasCases(bench) },
    'notation 1.0': { program: 'notation-1.0.0', cases: notationCases(bench, 'notation-1.0.0') },
    'notation 1.3': { program: 'notation', cases: notationCases(bench, 'notation') },
    'cosign 2': { program: 'cosignv2', cases: cosignCases(bench, 'cosignv2') },
    'cosign 3': { program: 'cosignv3', cases: cosignCases(bench, 'cosignv3') },
    helm: { program: 'helm', cases: helmCases(bench) },
    'curl, in chunks as docker does': { program: 'curl', cases: curlCases(bench, 'chunks') },
    'curl, in one PUT as containerd does': { program: 'curl', cases: curlCases(bench, 'put') },
  };
}

function containerCases({ home, host, layout, gpg }: Bench, program: string): Cases {
  const at = `${host}/clients/${program}`;
  const run = (command: string, ...args: string[]) => home.run(program, ...ownStorage(home), command, ...args);
  const plain = '--tls-verify=false';
  return {
    async push() {
      const id = (await run('pull', '-q', `oci:${layout}:v1`)).trim().split('\n').at(-1)!;
      await run('push', plain, id, `docker://${at}:v1`);
      await run('rmi', '-af');
    },
    async pull() {
      await run('pull', '-q', plain, `${at}:v1`);
    },
    ...(program === 'buildah'
      ? {}
      : {
          async 'list tags'() {
            expect(await run('search', plain, '--list-tags', at)).toContain('v1');
          },
        }),
    async mount() {
      await run('push', plain, `${at}:v1`, `docker://${at}-mounted:v1`);
    },
    async sign() {
      await run('push', plain, '--sign-by', gpg.name, `${at}:v1`, `docker://${at}:signed`);
    },
    async verify() {
      await run('rmi', '-af');
      await run('pull', '-q', plain, '--signature-policy', gpg.policy, `${at}:signed`);
      await run('rmi', '-af');
    },
  };
}

function skopeoCases({ home, host, layout, gpg }: Bench): Cases {
  const at = `docker://${host}/clients/skopeo`;
  const [from, to] = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  const run = (...args: string[]) => home.run('skopeo', ...args);
  return {
    push: async () => void (await run('copy', to, `oci:${layout}:v1`, `${at}:v1`)),
    pull: async () => void (await run('copy', from, `${at}:v1`, `dir:${join(home.folder, 'skopeo-back')}`)),
    async 'list tags'() {
      expect(JSON.parse(await run('list-tags', '--tls-verify=false', at))).toMatchObject({ Tags: ['v1'] });
    },
    mount: async () => void (await run('copy', from, to, `${at}:v1`, `${at}-mounted:v1`)),
    copy: async () => void (await run('copy', '--all', from, to, `${at}:v1`, `${at}-copy:v1`)),
    sign: async () => void (await run('copy', from, to, '--sign-by', gpg.name, `${at}:v1`, `${at}:signed`)),
    async verify() {
      const back = `dir:${join(home.folder, 'skopeo-verified')}`;
      await run('--policy', gpg.policy, 'copy', from, `${at}:signed`, back);
    },
    delete: async () => void (await run('delete', '--tls-verify=false', `${at}:v1`)),
  };
}

function craneCases({ home, host, layout, digest }: Bench): Cases {
  const at = `${host}/clients/crane`;
  const run = (...args: string[]) => home.run('crane', '--insecure', ...args);
  return {
    push: async () => void (await run('push', layout, `${at}:v1`)),
    async pull() {
      await run('pull', `${at}:v1`, join(home.folder, 'crane.tar'));
      await run('validate', '--remote', `${at}:v1`);
    },
    'list tags': async () => expect(await run('ls', at)).toBe('v1\n'),
    mount: async () => void (await run('copy', `${at}:v1`, `${at}-mounted:v1`)),
    async copy() {
      await run('copy', `${at}:v1`, `${at}-copy:v2`);
      expect((await run('digest', `${at}-copy:v2`)).trim()).toBe(digest);
    },
    delete: async () => void (await run('delete', `${at}@${digest}`)),
  };
}

function regctlCases({ home, host, layout, digest }: Bench): Cases {
  const at = `${host}/clients/regctl`;
  const run = (...args: string[]) => home.run('regctl', ...args);
  return {
    async push() {
      await run('registry', 'set', '--tls', 'disabled', host);
      await run('image', 'copy', `ocidir://${layout}:v1`, `${at}:v1`);
    },
    pull: async () => void (await run('image', 'copy', `${at}:v1`, `ocidir://${join(home.folder, 'regctl-back')}:v1`)),
    'list tags': async () => expect(await run('tag', 'ls', at)).toBe('v1\n'),
    mount: async () => void (await run('image', 'copy', `${at}:v1`, `${at}-mounted:v1`)),
    copy: async () => void (await run('image', 'copy', '--referrers', '--digest-tags', `${at}:v1`, `${at}-copy:v1`)),
    async attach() {
      const file = join(home.folder, 'note.txt');
      await writeFile(file, 'a note');
      await run('artifact', 'put', '--artifact-type', 'text/x-note', '--subject', `${at}:v1`, '-f', file);
      expect(await run('artifact', 'list', `${at}:v1`)).toContain('text/x-note');
    },
    async delete() {
      await run('tag', 'delete', `${at}:v1`);
      await run('manifest', 'delete', `${at}@${digest}`);
    },
  };
}

function orasCases({ home, host, layout, digest }: Bench): Cases {
  const at = `${host}/clients/oras`;
  const run = (...args: string[]) => home.run('oras', ...args);
  const both = ['--from-plain-http', '--to-plain-http'];
  return {
    push: async () => void (await run('cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', `${at}:v1`)),
    async pull() {
      const back = `${join(home.folder, 'oras-back')}:v1`;
      await run('cp', '--from-plain-http', `${at}:v1`, '--to-oci-layout', back);
    },
    'list tags': async () => expect(await run('repo', 'tags', '--plain-http', at)).toBe('v1\n'),
    mount: async () => void (await run('cp', ...both, `${at}:v1`, `${at}-mounted:v1`)),
    async attach() {
      await run('attach', '--plain-http', '--artifact-type', 'text/sbom', '--annotation', 'a=b', `${at}:v1`);
      const found = await run('discover', '--plain-http', '--format', 'json', `${at}:v1`);
      expect(found).toContain('text/sbom');
    },
    copy: async () => void (await run('cp', '-r', ...both, `${at}:v1`, `${at}-copy:v1`)),
    delete: async () => void (await run('manifest', 'delete', '--plain-http', '-f', `${at}@${digest}`)),
  };
}

function notationCases({ home, host, layout, digest }: Bench, program: string): Cases {
  const at = `${host}/clients/${program}`;
  const reference = `${at}@${digest}`;
  const account = ['--insecure-registry', '-u', 'admin', '-p', PASSWORD];
  return {
    async sign() {
      await home.run('oras', 'cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', `${at}:v1`);
      await home.run(program, 'sign', ...account, reference);
      await home.run(program, 'sign', ...account, '--signature-format', 'cose', reference);
    },
    async verify() {
      await home.run(program, 'verify', ...account, reference);
      const listed = await home.run(program, 'list', ...account, reference);
      expect(listed.match(/─ sha256:/g)!.length).toBe(2);
    },
  };
}

function cosignCases({ home, host, layout, digest }: Bench, program: string): Cases {
  const at = `${host}/clients/${program}`;
  const reference = `${at}@${digest}`;
  const v3 = program === 'cosignv3';
  const http = '--allow-http-registry';
  const offline = ['--tlog-upload=false', ...(v3 ? ['--use-signing-config=false'] : []), http];
  const trust = ['--insecure-ignore-tlog=true', ...(v3 ? ['--trusted-root', 'root.json'] : []), http];
  const run = (...args: string[]) => home.run(program, ...args);
  return {
    async sign() {
      const root = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}';
      await writeFile(join(home.folder, 'root.json'), root);
      await home.run('oras', 'cp', '--from-oci-layout', `${layout}:v1`, '--to-plain-http', `${at}:v1`);
      await run('generate-key-pair', '--output-key-prefix', program);
      await run('sign', '-y', '--key', `${program}.key`, ...offline, reference);
    },
    verify: async () => void (await run('verify', '--key', `${program}.pub`, ...trust, reference)),
    async attach() {
      await writeFile(join(home.folder, 'predicate.json'), '{"made":"by a test"}');
      const predicate = ['--predicate', 'predicate.json', '--type', 'https://example.com/made'];

      await run('generate-key-pair', '--output-key-prefix', `${program}-attest`);
      await run('attest', '-y', '--key', `${program}-attest.key`, ...predicate, ...offline, reference);
      const type = ['--type', 'https://example.com/made'];
      await run('verify-attestation', '--key', `${program}-attest.pub`, ...type, ...trust, reference);
    },
    ...(v3
      ? {}
      : {
          async copy() {
            await run('copy', http, `${at}:v1`, `${at}-copy:v1`);
          },
          async delete() {
            await run('clean', '-f', '--type', 'all', http, `${at}:v1`);
          },
        }),
  };
}

function helmCases({ home, host }: Bench): Cases {
  const at = `oci://${host}/clients`;
  const run = (...args: string[]) => home.run('helm', ...args);
  return {
    async push() {
      await run('create', 'chart');
      await run('package', 'chart', '--version', '0.1.0');
      await run('registry', 'login', '--plain-http', '-u', 'admin', '-p', PASSWORD, host);
      await run('push', '--plain-http', 'chart-0.1.0.tgz', at);
    },
    async pull() {
      await run('pull', '--plain-http', '--version', '0.1.0', '-d', 'pulled', '--untar', `${at}/chart`);
      expect(await run('show', 'chart', '--plain-http', '--version', '^0.1', `${at}/chart`)).toContain('name: chart');
    },
  };
}

function curlCases({ home, host }: Bench, how: 'chunks' | 'put'): Cases {
  const name = `clients/curl-${how}`;
  const blob = someBytes(200_000);
  const config = Buffer.from('{}');
  const file = join(home.folder, `${how}.bin`);
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const describe = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: sha(bytes), size: bytes.length });
  const subject = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: describe(config, 'application/vnd.oci.empty.v1+json'),
      layers: [describe(blob, 'application/octet-stream')],
    }),
  );
  const curl = (method: string, path: string, ...args: string[]) => {
    const url = path.startsWith('http') ? path : `http://${host}/v2/${path}`;
    const account = `Authorization: ${basic('admin')}`;
    return home.run('curl', '-sSf', '-i', '-X', method, '-H', account, ...args, url);
  };
  const locationIn = (answer: string) => /^Location: (\S+)/im.exec(answer)![1]!;
  const begin = async () => locationIn(await curl('POST', `${name}/blobs/uploads/`, '-H', 'Content-Length: 0'));
  async function upload(bytes: Buffer): Promise<void> {
    await writeFile(file, bytes);
    const octets = ['-H', 'Content-Type: application/octet-stream'];
    const location = await begin();
    if (how === 'put') return void (await curl('PUT', `${location}&digest=${sha(bytes)}`, ...octets, '-T', file));
    const patched = await curl('PATCH', location, ...octets, '-H', 'Transfer-Encoding: chunked', '-T', file);
    await curl('PUT', `${locationIn(patched)}&digest=${sha(bytes)}`, '-H', 'Content-Length: 0');
  }
  async function put(bytes: Buffer, reference: string): Promise<void> {
    await writeFile(file, bytes);
    await curl('PUT', `${name}/manifests/${reference}`, '-H', `Content-Type: ${type}`, '--data-binary', `@${file}`);
  }
  return {
    async push() {
      for (const bytes of [blob, config]) await upload(bytes);
      await put(subject, 'v1');
    },
    async pull() {
      expect(await curl('GET', `${name}/manifests/v1`)).toContain(subject.toString());
      await curl('GET', `${name}/blobs/${sha(blob)}`, '-o', join(home.folder, 'back'), '-r', '0-');
    },
    'list tags': async () => expect(await curl('GET', `${name}/tags/list`)).toContain('["v1"]'),
    async mount() {
      await curl('POST', `${name}-mounted/blobs/uploads/?mount=${sha(blob)}&from=${name}`, '-H', 'Content-Length: 0');
    },
    async attach() {
      const artifact = {
        ...(JSON.parse(subject.toString()) as object),
        artifactType: 'text/x',
        subject: describe(subject, type),
      };
      const bytes = Buffer.from(JSON.stringify(artifact));
      await put(bytes, sha(bytes));
      expect(await curl('GET', `${name}/referrers/${sha(subject)}`)).toContain(sha(bytes));
    },
    async delete() {
      await curl('DELETE', `${name}/manifests/v1`);
      await curl('DELETE', `${name}/manifests/${sha(subject)}`);
      await curl('DELETE', `${name}/blobs/${sha(blob)}`);
    },
  };
}

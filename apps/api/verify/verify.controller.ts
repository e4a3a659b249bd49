import { SHARED_SCHEMAS } from '../rest/openapi/schemas.js';
import { Inject } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Permissions } from '#access/permissions.js';
import { knowPath, Rights } from '#content/distributions/path-rights.js';
import { digestOf } from '#oci/digest.js';
import { ManifestError, parseManifest } from '#oci/manifest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { invalid } from '#platform/domain-error.js';
import { isFormatName } from '#signing/formats/all.js';
import type { StoredManifest } from '#signing/formats/signature-format.js';
import { readTrust } from '#signing/verify/read-trust.js';
import { type GivenSignature, type VerificationReport, verifyManifest } from '#signing/verify/verify-manifest.js';
import { resolveReference, verifyStored } from '#signing/verify/verify-reference.js';
import { Context, type RestContext } from '../rest/context.js';
import { PostRoute } from '../rest/operation.js';
import { RestController, RestHost } from '../rest/rest-controller.js';
import { REPORT_SCHEMA } from './report-schema.js';
import { VerifyBody } from './verify.body.js';

/** Most signatures that one call may bring along. */
const MAX_SIGNATURES = 100;

/** Judges signatures against trust material that the caller brings; nothing is fetched and nothing is stored. */
@RestController({ path: 'verify', tag: 'Verify', operations: 'verify', component: 'hallmark', forAll: true })
export class VerifyController extends RestHost {
  private readonly rights: Rights;

  constructor(
    private readonly source: DataSource,
    permissions: Permissions,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {
    super();
    this.rights = new Rights(permissions, config);
  }

  @PostRoute('', {
    action: 'verify',
    id: 'verify',
    summary: 'Judge signatures',
    collection: true,
    body: { schema: 'Verify', of: VerifyBody },
    answers: {
      200: { schema: 'VerificationReport', of: REPORT_SCHEMA },
      404: { schema: 'ErrorDetail', of: SHARED_SCHEMAS['ErrorDetail']! },
    },
  })
  async verify(@Context() context: RestContext): Promise<VerificationReport> {
    const body = await this.rest.body(context, VerifyBody);
    const trust = readTrust(body.trust);
    if ((body.reference === undefined) === (body.manifest === undefined))
      throw invalid('Exactly one of reference and manifest must be given.', 'reference');
    if (body.reference === undefined) {
      const manifest = readManifest(body.manifest!);
      return verifyManifest(manifest, readSignatures(body.signatures), body.claimed_reference, trust);
    }
    const mayRead = async (basePath: string) =>
      this.rights.may(context.principal, (await knowPath(this.source, basePath)).target, 'pull');
    const resolved = await resolveReference(this.source, this.config.publicHost, body.reference, mayRead);
    return verifyStored(this.source, resolved, resolved.manifest, resolved.reference, trust);
  }
}

function readManifest(base64: string): StoredManifest {
  const bytes = decode(base64, 'manifest');
  try {
    const { mediaType } = parseManifest(bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
  } catch (error) {
    if (error instanceof ManifestError) throw invalid(`It is no manifest: ${error.message}`, 'manifest');
    throw error;
  }
}

function readSignatures(given: VerifyBody['signatures']): GivenSignature[] {
  if (!given) throw invalid('This field is required with a manifest.', 'signatures');
  if (given.length > MAX_SIGNATURES) throw invalid(`At most ${MAX_SIGNATURES} signatures at once.`, 'signatures');
  return given.map(({ format, content }, at) => {
    if (typeof format !== 'string' || !isFormatName(format))
      throw invalid(`Entry ${at}: format must be simple, cosign, notation or nv2.`, 'signatures');
    if (typeof content !== 'string') throw invalid(`Entry ${at}: content must be base64.`, 'signatures');
    const bytes = decode(content, 'signatures');
    return { format, bytes, digest: digestOf(bytes) };
  });
}

function decode(text: string, field: string): Buffer {
  const packed = text.replaceAll(/\s+/g, '');
  if (packed === '' || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) throw invalid('Not valid base64.', field);
  return Buffer.from(packed, 'base64');
}

import { DomainError } from '#platform/domain-error.js';

/** An archive or a layout that is not taken; nothing of it is stored. */
export const refused = (message: string, detail?: unknown, cause?: unknown) =>
  new DomainError('invalid', 'LAYOUT_INVALID', message, {
    field: 'file',
    ...(detail === undefined ? {} : { detail }),
    ...(cause === undefined ? {} : { cause }),
  });

/** A name out of an archive, safe to show. */
export const shown = (name: string) => JSON.stringify(name.length > 160 ? `${name.slice(0, 160)}…` : name);

/** What to do with an archive of the kind that is no layout. */
export const DOCKER_ARCHIVE =
  'The archive is of `docker save` before Docker 25 or of docker-archive, and no OCI image layout; make one with `skopeo copy docker-archive:FILE oci-archive:FILE:TAG`.';

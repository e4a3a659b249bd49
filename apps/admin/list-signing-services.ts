import { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { type Command, JSON_OPTION } from './command.js';
import { withDatabase } from './with-database.js';

/** Names of the services, one per line. */
export const listSigningServices: Command = {
  usage: '[--json]',
  about: 'Writes the names of the signing services, one per line; --json writes their class, key and script too.',
  positionals: [0, 0],
  options: JSON_OPTION,
  async run(words, terminal) {
    const services = await withDatabase(terminal, ({ source }) =>
      source.manager.find(SigningServiceEntity, { order: { name: 'ASC' } }),
    );
    if (words.flag('json')) terminal.out(JSON.stringify(services.map(describeService), undefined, 2));
    else for (const { name } of services) terminal.out(name);
    return 0;
  },
};

function describeService(service: SigningServiceEntity) {
  return {
    pulp_href: `/pulp/api/v3/signing-services/${service.id}/`,
    pulp_created: service.pulpCreated.toISOString(),
    name: service.name,
    class: service.class,
    pubkey_fingerprint: service.pubkeyFingerprint,
    public_key: service.publicKey,
    script: service.script,
    shape: service.shape,
  };
}

import { notFound } from '#platform/domain-error.js';
import { proveService } from '#signing/services/add-service.js';
import { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { signerSettings } from './add-signing-service.js';
import { type Command, JSON_OPTION } from './command.js';
import { withDatabase } from './with-database.js';

/** Proves a service again, as when it was added. */
export const checkSigningService: Command = {
  usage: 'NAME [--json]',
  about: 'Signs a test manifest with the service, on this machine and as this user, and verifies the result.',
  positionals: [1, 1],
  options: JSON_OPTION,
  async run(words, terminal) {
    const [name = ''] = words.positionals;
    const seconds = await withDatabase(terminal, async ({ config, source }) => {
      const service = await source.manager.findOneBy(SigningServiceEntity, { name });
      if (!service) throw notFound(`Signing service '${name}' does not exist.`);
      const started = performance.now();
      await proveService(service, signerSettings(config));
      return (performance.now() - started) / 1000;
    });
    if (words.flag('json')) terminal.out(JSON.stringify({ name, ok: true, seconds }));
    else terminal.out(`Signing service '${name}' signs as it should (${seconds.toFixed(2)} s).`);
    return 0;
  },
};

import { notFound } from '#platform/domain-error.js';
import { removeService } from '#signing/services/remove-service.js';
import { type Command, UsageError } from './command.js';
import { withDatabase } from './with-database.js';

/** Forgets a service. */
export const removeSigningService: Command = {
  usage: 'NAME [--class CLASS]',
  about: 'Removes a signing service. Signatures that it made stay; repositories that named it name none.',
  positionals: [1, 1],
  options: { class: { value: 'CLASS', doc: 'Remove it only when it is of this class.' } },
  async run(words, terminal) {
    const [name = ''] = words.positionals;
    const className = words.text('class');
    if (className !== undefined && !className.includes(':'))
      throw new UsageError('The signing service class was not provided in a proper format.');
    const removed = await withDatabase(terminal, ({ source }) => removeService(source, name, className));
    if (!removed) throw notFound(`Signing service '${name}' does not exist.`);
    terminal.out(`Signing service '${name}' has been successfully removed.`);
    return 0;
  },
};

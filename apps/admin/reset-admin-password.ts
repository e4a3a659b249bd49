import { ADMIN, resetPassword } from '#access/admin-account.js';
import { type Command, UsageError } from './command.js';
import { withDatabase } from './with-database.js';

/** Gives admin a new password. */
export const resetAdminPassword: Command = {
  usage: '[--user NAME] [--password PASSWORD]',
  about: `Sets the password of ${ADMIN}, or makes one up and shows it once. ${ADMIN} gets all rights back.`,
  positionals: [0, 0],
  options: {
    user: { value: 'NAME', doc: `Another account than ${ADMIN}.` },
    password: { value: 'PASSWORD', alias: 'p', doc: 'The new password; default: one is made up.' },
  },
  async run(words, terminal) {
    const user = words.text('user') ?? ADMIN;
    const password = words.text('password');
    if (password?.trim() === '') throw new UsageError('The password must not be blank.');
    const generated = await withDatabase(terminal, ({ source }) => resetPassword(source, user, password));
    terminal.out(generated === undefined ? `The password of ${user} is set.` : `New password of ${user}: ${generated}`);
    return 0;
  },
};

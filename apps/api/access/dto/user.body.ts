import { FlagField, TextField } from '../../rest/body/fields.js';

const USERNAME = {
  max: 150,
  pattern: {
    regex: /^[\p{L}\p{N}_.@+-]+$/u,
    message: 'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.',
  },
  description: '150 characters or fewer. Letters, digits and @/./+/-/_ only.',
};

class PersonBody {
  @TextField({ optional: true, blank: true, max: 150, description: 'First name' })
  first_name?: string;

  @TextField({ optional: true, blank: true, max: 150, description: 'Last name' })
  last_name?: string;

  @TextField({
    optional: true,
    blank: true,
    max: 254,
    pattern: { regex: /^(?:[^\s@]+@[^\s@]+)?$/, message: 'Enter a valid email address.' },
    description: 'Email address',
  })
  email?: string;
}

/** What an account is made from or changed by. */
export class UserBody extends PersonBody {
  @TextField(USERNAME)
  username: string;

  @TextField({
    optional: true,
    nullable: true,
    verbatim: true,
    writeOnly: true,
    description: 'Users password. Set to ``null`` to disable password authentication.',
  })
  password?: string | null;

  @FlagField({ fallback: false, description: 'Designates whether the user can log into this admin site.' })
  is_staff: boolean;

  @FlagField({ fallback: true, description: 'Designates whether this user should be treated as active.' })
  is_active: boolean;
}

/** What a user changes of his own account. */
export class LoginUpdateBody extends PersonBody {
  @TextField({ ...USERNAME, optional: true })
  username?: string;

  @TextField({ optional: true, verbatim: true, writeOnly: true, description: 'The password that works now.' })
  old_password?: string;

  @TextField({ optional: true, verbatim: true, writeOnly: true, description: 'The password from now on.' })
  new_password?: string;

  problems(): Record<string, unknown> | undefined {
    if (this.new_password !== undefined && this.old_password === undefined)
      return { old_password: ['This field is required.'] };
    return undefined;
  }
}

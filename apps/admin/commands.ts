import type { Command } from './command.js';

/** A command of the operator, loaded only when it is asked for. */
export interface ListedCommand {
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, ListedCommand>> = {
  'add-signing-service': {
    summary: 'register a signing script or a built-in signer, after it has proved itself',
    load: async () => (await import('./add-signing-service.js')).addSigningService,
  },
  'list-signing-services': {
    summary: 'names of the signing services',
    load: async () => (await import('./list-signing-services.js')).listSigningServices,
  },
  'check-signing-service': {
    summary: 'sign a test manifest with a service and verify the result',
    load: async () => (await import('./check-signing-service.js')).checkSigningService,
  },
  'remove-signing-service': {
    summary: 'forget a signing service; what it signed stays',
    load: async () => (await import('./remove-signing-service.js')).removeSigningService,
  },
  'reset-admin-password': {
    summary: 'give admin a new password',
    load: async () => (await import('./reset-admin-password.js')).resetAdminPassword,
  },
  migrate: {
    summary: 'bring the database to this version',
    load: async () => (await import('./migrate.js')).migrate,
  },
  config: {
    summary: 'all settings, their values and where they come from',
    load: async () => (await import('./show-config.js')).showConfig,
  },
  doctor: {
    summary: 'check everything that Hallmark needs, and say how to mend it',
    load: async () => (await import('./doctor.js')).doctor,
  },
  sign: {
    summary: 'sign the images of a repository',
    load: async () => (await import('./sign.js')).sign,
  },
  verify: {
    summary: 'verify the signatures of an image',
    load: async () => (await import('./verify.js')).verify,
  },
  sync: {
    summary: 'mirror a remote into a repository',
    load: async () => (await import('./sync.js')).sync,
  },
  export: {
    summary: 'write a repository with its signatures as an OCI image layout',
    load: async () => (await import('./export.js')).exportLayout,
  },
  import: {
    summary: 'read an OCI image layout with its signatures into a repository',
    load: async () => (await import('./import.js')).importLayout,
  },
  tasks: {
    summary: 'list, show, follow and cancel tasks',
    load: async () => (await import('./tasks.js')).tasks,
  },
};

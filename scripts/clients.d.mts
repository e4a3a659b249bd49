/** The folder that scripts/install-clients.sh fills. */
export function clientFolder(): string;
/** Absolute path of a client, or undefined. */
export function findClient(name: string): string | undefined;
/** Clients that are not on this machine, each with the line that installs it. */
export function missingClients(): { name: string; install: string }[];

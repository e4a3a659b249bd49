import { configureLogging } from '#platform/logger.js';
import { runCommand } from './run-command.js';
import { openTerminal } from './terminal.js';

configureLogging('error', 'text');
const terminal = openTerminal();
process.exitCode = await runCommand(process.argv.slice(2), terminal);

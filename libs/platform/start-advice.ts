import type { HallmarkConfig } from './config.js';
import { databaseTrouble } from './database.js';
import { messageOf } from './domain-error.js';

/** Settings that advice names. */
type Settings = Pick<HallmarkConfig, 'host' | 'port' | 'dataDir' | 'databaseUrl'>;

/** Refused credentials, refused connections by host, a database that is not there. */
const NOT_LET_IN = new Set(['28P01', '28000', '3D000']);

/** Why a process could not start and, where the error itself does not say so, what to do about it. */
export function startAdvice(error: unknown, settings: Settings): string {
  const { code = '', syscall = '' } = (error ?? {}) as { code?: string; syscall?: string };
  const problem = messageOf(error) || code || String(error);
  const advice = adviceOf(code, syscall, problem, settings) ?? databaseAdvice(error, code, settings);
  return advice ? `${problem}\n${advice}` : problem;
}

function adviceOf(code: string, syscall: string, problem: string, { host, port, dataDir }: Settings) {
  if (syscall === 'listen') {
    if (code === 'EADDRINUSE')
      return `Something listens on port ${port} of ${host} already, perhaps another Hallmark: stop it, or set HALLMARK_PORT.`;
    if (code === 'EACCES') return `Port ${port} is not for this user: set HALLMARK_PORT to one above 1023.`;
    return `Set HALLMARK_HOST to an address of this machine.`;
  }
  if (['ENOSPC', 'EDQUOT'].includes(code) || problem.includes('No space left on device'))
    return `Make room on the disk of ${dataDir}, or set HALLMARK_DATA_DIR to a folder elsewhere.`;
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code))
    return `Let this user write to ${dataDir}, or set HALLMARK_DATA_DIR to another folder.`;
  return undefined;
}

function databaseAdvice(error: unknown, code: string, { databaseUrl }: Settings): string | undefined {
  if (!databaseUrl || (!databaseTrouble(error) && !NOT_LET_IN.has(code))) return undefined;
  return 'Check DATABASE_URL, and that PostgreSQL 14 or later runs there and has that database and user; without DATABASE_URL "npm start" brings its own.';
}

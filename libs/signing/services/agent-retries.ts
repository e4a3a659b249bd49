import { setTimeout as sleep } from 'node:timers/promises';
import { isDomainError } from '#platform/domain-error.js';

/** What gpg says when its agent has no room or no time for one more caller; the same call succeeds a moment later. */
const BUSY_AGENT = /Cannot allocate memory|connect to the (?:gpg-)?agent|No agent running|IPC connect call failed/i;

const ATTEMPTS = 6;

/** Runs a script of gpg again when the agent that all scripts of a key ring share was too busy for it. */
export async function withAgentRetries<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= ATTEMPTS || !isAgentBusy(error)) throw error;
      await sleep(Math.random() * 100 * 2 ** attempt, undefined, signal ? { signal } : {});
    }
  }
}

const isAgentBusy = (error: unknown) =>
  isDomainError(error) && error.code === 'SCRIPT_FAILED' && BUSY_AGENT.test(error.message);

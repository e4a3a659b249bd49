import type { CheckCode, CheckList } from '../../report.js';

/** The result of one named check before it is written into the report. */
export type Step =
  | { readonly result: 'pass'; readonly detail: string }
  | { readonly result: 'fail'; readonly code: CheckCode; readonly detail: string; readonly action?: 'log' }
  | { readonly result: 'not_applicable'; readonly detail: string };

/** A check that passed. */
export const passed = (detail: string): Step => ({ result: 'pass', detail });

/** A check that failed; with action `log` it is shown and does not decide. */
export const failed = (code: CheckCode, detail: string, action?: 'log'): Step => ({
  result: 'fail',
  code,
  detail,
  ...(action ? { action } : {}),
});

/** A check that cannot be made or that nobody asks for. */
export const notApplicable = (detail: string): Step => ({ result: 'not_applicable', detail });

/** Writes a step into the report. */
export function record(checks: CheckList, name: string, step: Step): void {
  if (step.result === 'pass') checks.pass(name, step.detail);
  else if (step.result === 'fail') checks.fail(name, step.code, step.detail, step.action ?? 'enforce');
  else checks.skip(name, step.detail);
}

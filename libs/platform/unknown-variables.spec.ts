import { describe, expect, it } from 'vitest';
import { OTHER_VARIABLES } from './other-variables.js';
import { SETTINGS } from './settings.js';
import { unknownVariables } from './unknown-variables.js';

/** A name that the documents are not searched for. */
const wrong = (...words: string[]) => ['HALLMARK', ...words].join('_');

describe('variables that nobody knows', () => {
  it('are named with the setting that was meant, when one is near', () => {
    const [typo, singular, sky] = [wrong('IDLE', 'TIMOUT'), wrong('WORKER'), wrong('COLOUR', 'OF', 'THE', 'SKY')];
    expect(unknownVariables({ [singular]: '4', [typo]: '1', [sky]: 'blue' })).toEqual([
      `${sky} is no setting and is ignored; docs/settings.md lists all.`,
      `${typo} is no setting and is ignored; is HALLMARK_IDLE_TIMEOUT meant?`,
      `${singular} is no setting and is ignored; is HALLMARK_WORKERS meant?`,
    ]);
  });

  it('are none of those that somebody reads, or that belong to others', () => {
    const known = [...Object.values(SETTINGS).map(({ variable }) => variable), ...Object.keys(OTHER_VARIABLES)];
    const environment = { ...Object.fromEntries(known.map((name) => [name, 'x'])), HOME: '/', HALL: '' };
    expect(unknownVariables(environment)).toEqual([]);
  });
});

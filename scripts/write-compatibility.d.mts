/** The page, from the API document and Pulp's operations by app; throws when something is left out without a reason. */
export function compatibilityPage(document: object, pulp: Readonly<Record<string, readonly string[]>>): string;

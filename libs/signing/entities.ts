/** Tables of this lib. */
export const signingEntities: Function[] = [];

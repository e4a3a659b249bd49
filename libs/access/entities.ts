/** Tables of this lib. */
export const accessEntities: Function[] = [];

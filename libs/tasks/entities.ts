/** Tables of this lib. */
export const taskEntities: Function[] = [];

/** Tables of this lib. */
export const contentEntities: Function[] = [];

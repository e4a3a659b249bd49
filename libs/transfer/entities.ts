/** Tables of this lib. */
export const transferEntities: Function[] = [];

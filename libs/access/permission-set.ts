import { modelOf } from './permission-names.js';

/** One row of what somebody was given: a permission list on an object, or on everything when there is none. */
export interface Grant {
  readonly contentObject: string | null;
  readonly permissions: readonly string[];
}

/** What somebody may do: rights on whole models and rights on single objects. Immutable. */
export class PermissionSet {
  private readonly model = new Set<string>();
  private readonly objects = new Map<string, Set<string>>();

  constructor(
    readonly everything: boolean,
    grants: readonly Grant[],
  ) {
    for (const { contentObject, permissions } of grants) {
      if (contentObject === null) for (const permission of permissions) this.model.add(permission);
      else this.addObject(contentObject, permissions);
    }
  }

  /** True when the permission is held on the object or on its whole model. */
  has(permission: string, objectKey?: string): boolean {
    if (this.everything || this.model.has(permission)) return true;
    return objectKey !== undefined && (this.objects.get(objectKey)?.has(permission) ?? false);
  }

  /** Keys of the objects on which the permission is held, or `all`. */
  objectsWith(permission: string): 'all' | string[] {
    if (this.has(permission)) return 'all';
    return [...this.objects].filter(([, held]) => held.has(permission)).map(([key]) => key);
  }

  /** Permissions about this object's model that are held on it, sorted. */
  on(objectKey: string, all: readonly string[]): string[] {
    return all.filter((permission) => this.has(permission, objectKey)).toSorted();
  }

  /** Permissions held on whole models, sorted. */
  get modelLevel(): string[] {
    return [...this.model].toSorted();
  }

  /** A role on an object says nothing about objects of other models. */
  private addObject(key: string, permissions: readonly string[]): void {
    const model = key.slice(0, key.indexOf(':'));
    const held = this.objects.get(key) ?? new Set<string>();
    for (const permission of permissions) if (modelOf(permission) === model) held.add(permission);
    this.objects.set(key, held);
  }
}

/** The rights of nobody. */
export const NO_PERMISSIONS = new PermissionSet(false, []);

import { applyDecorators, Delete, Get, HttpCode, Patch, Post, Put, SetMetadata } from '@nestjs/common';
import type { Schema } from './fields.js';
import type { BodyClass } from './resource.js';

/** What an operation answers with. */
export type Answer =
  /** A page of the resource. */
  | 'page'
  /** The resource. */
  | 'resource'
  /** `{"task": href}`. */
  | 'task'
  /** `{"task_group": href}`. */
  | 'task-group'
  /** Nothing. */
  | 'empty'
  /** A schema of this name. */
  | { readonly schema: string; readonly of: Schema };

/** What a request carries. */
export type RequestBody =
  /** The resource's own body: whole, or any part of it. */
  | 'resource'
  | 'partial'
  /** A body class, under its schema's name. */
  | { readonly schema: string; readonly of: BodyClass; readonly partial?: boolean };

/** What is known of one operation beside its path; behaviour and API document both rest on it. */
export interface OperationOptions {
  /** Name in operation ids and access rules, as `list` or `set_label`. */
  readonly action: string;
  /** Name in operation ids, where several operations share an action. */
  readonly name?: string;
  /** The whole operation id, where it does not follow from path and name. */
  readonly id?: string;
  readonly summary: string;
  readonly body?: RequestBody;
  /** Answers by status. The first is the usual one. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Nobody needs to sign in. */
  readonly open?: boolean;
  /** Query parameters beside `fields` and `exclude_fields`, which every GET has. */
  readonly query?: readonly { readonly name: string; readonly schema: Schema; readonly description?: string }[];
  /** Media type of the answer, when it is not JSON. */
  readonly produces?: string;
  /** Headers that the request carries. */
  readonly headers?: readonly { readonly name: string; readonly description: string; readonly required?: boolean }[];
  /** The body has a file in it and comes as multipart/form-data. */
  readonly multipart?: boolean;
  /** It works on the collection although its path goes on behind it. */
  readonly collection?: boolean;
}

/** An operation with the method and path of its route. */
export interface Operation extends OperationOptions {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Path below the controller's, without a slash at its beginning. */
  readonly route: string;
}

/** Where routes keep their {@link Operation}. */
export const OPERATION = 'hallmark:operation';

const VERBS = { get: Get, post: Post, put: Put, patch: Patch, delete: Delete } as const;

function route(method: Operation['method'], path: string, options: OperationOptions): MethodDecorator {
  const operation: Operation = { ...options, method, route: path };
  const status = Number(Object.keys(options.answers)[0]);
  return applyDecorators(VERBS[method](path), HttpCode(status), SetMetadata(OPERATION, operation));
}

/** A GET route of the REST API. */
export const GetRoute = (path: string, options: OperationOptions) => route('get', path, options);
/** A POST route of the REST API. */
export const PostRoute = (path: string, options: OperationOptions) => route('post', path, options);
/** A PUT route of the REST API. */
export const PutRoute = (path: string, options: OperationOptions) => route('put', path, options);
/** A PATCH route of the REST API. */
export const PatchRoute = (path: string, options: OperationOptions) => route('patch', path, options);
/** A DELETE route of the REST API. */
export const DeleteRoute = (path: string, options: OperationOptions) => route('delete', path, options);

/** Marks a route that is no part of the API document and needs no sign-in. */
export const Open = (): MethodDecorator => SetMetadata(OPERATION_OPEN, true);

/** Where routes outside the document say that they are open. */
export const OPERATION_OPEN = 'hallmark:open';

import type { ModelName } from '../models.js';
import type { Writer } from './writer.js';

const writers = new Map<ModelName, Writer>();

/** Makes a writer known to the tasks that create, update and delete. */
export function registerWriter(writer: Writer): Writer {
  writers.set(writer.resource.model, writer);
  return writer;
}

/** The writer of a model. */
export function writerOf(model: ModelName): Writer {
  const writer = writers.get(model);
  if (!writer) throw new Error(`Nothing is known of writing ${model}; its file is not loaded.`);
  return writer;
}

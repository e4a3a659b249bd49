import {
  ExporterEntity,
  ExportEntity,
  ImporterEntity,
  ImportEntity,
  UpstreamPulpEntity,
} from './exchange/exchange.entities.js';
import { RemoteEntity } from './remotes/remote.entity.js';
import { RemoteBlobEntity } from './sync/remote-blob.entity.js';

/** Tables of this lib. */
export const transferEntities: Function[] = [
  RemoteEntity,
  RemoteBlobEntity,
  ExporterEntity,
  ExportEntity,
  ImporterEntity,
  ImportEntity,
  UpstreamPulpEntity,
];

import { Module } from '@nestjs/common';
import { StorageModule } from '#storage/storage.module.js';
import { OciLayouts } from './oci-layouts.js';

/** Export and import of OCI image layouts; settings, database and tasks are global. */
@Module({ imports: [StorageModule], providers: [OciLayouts], exports: [OciLayouts] })
export class OciLayoutModule {}

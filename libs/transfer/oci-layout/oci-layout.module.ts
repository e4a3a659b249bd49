import { Module } from '@nestjs/common';
import { OciLayouts } from './oci-layouts.js';

/** Export and import of OCI image layouts; settings, database, blob store and tasks are global. */
@Module({ providers: [OciLayouts], exports: [OciLayouts] })
export class OciLayoutModule {}

import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { tagImage, untagImage } from '#content/changes/tag-image.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { changeRepository } from './version-change.js';

/** What gets a tag. */
export interface TagPayload {
  readonly repositoryId: string;
  readonly tag: string;
  readonly digest: string;
}

const TAG = defineTask<TagPayload, object | null>({ name: 'pulp_container.app.tasks.tag.tag_image' });

/** Points a tag at a manifest. */
@Injectable()
export class TagTask implements TaskHandler<TagPayload, object | null> {
  readonly task = TAG;

  constructor(private readonly source: DataSource) {}

  run({ repositoryId, tag, digest }: TagPayload, context: TaskContext): Promise<object | null> {
    return changeRepository(this.source, context, (tx) => tagImage(tx, repositoryId, tag, digest, context.taskId));
  }
}

/** What loses its tag. */
export type UntagPayload = Omit<TagPayload, 'digest'>;

const UNTAG = defineTask<UntagPayload, object | null>({ name: 'pulp_container.app.tasks.untag.untag_image' });

/** Takes a tag away; its manifest stays. */
@Injectable()
export class UntagTask implements TaskHandler<UntagPayload, object | null> {
  readonly task = UNTAG;

  constructor(private readonly source: DataSource) {}

  run({ repositoryId, tag }: UntagPayload, context: TaskContext): Promise<object | null> {
    return changeRepository(this.source, context, (tx) => untagImage(tx, repositoryId, tag, context.taskId));
  }
}

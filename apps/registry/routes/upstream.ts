import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { knowPath } from '#content/distributions/path-rights.js';
import { PullThrough } from '#transfer/pull-through/pull-through.js';
import { type Exchange, Gate } from '../access/gate.js';

/** Brings here what a path below a pull-through distribution stands for, when who asks may fetch new content. */
@Injectable()
export class Upstream {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly pullThrough: PullThrough,
  ) {}

  /** Looks a tag or digest up at the upstream before it is read; paths of our own are left alone. */
  async refresh(exchange: Exchange, name: string, reference: string): Promise<void> {
    const route = await this.pullThrough.resolve(name);
    if (route && (await this.mayFetch(exchange, name))) await this.pullThrough.refresh(route, reference);
  }

  /** Looks for new signatures of an image that is here. */
  async refreshSignatures(exchange: Exchange, name: string, digest: string): Promise<void> {
    const route = await this.pullThrough.resolve(name);
    if (route && (await this.mayFetch(exchange, name))) await this.pullThrough.refreshSignatures(route, digest);
  }

  /** Whoever may only read gets what was fetched before. */
  private async mayFetch(exchange: Exchange, name: string): Promise<boolean> {
    const { principal } = await this.gate.enter(exchange, { name, action: 'pull' });
    const { target } = await knowPath(this.source, name);
    return this.gate.rights.may(principal, { ...target, distribution: undefined }, 'pull');
  }
}

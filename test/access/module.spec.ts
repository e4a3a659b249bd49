import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { AccessModule } from '#access/access.module.js';
import { Authenticator } from '#access/authenticator.js';
import { prepareAccess } from '#access/first-start.js';
import { TokenIssuer } from '#access/token-issuer.js';
import { TokenVerifier } from '#access/token-verifier.js';
import { ChangeFeed } from '#platform/change-feed.js';
import { Config, CONFIG } from '#platform/config.js';
import { createTestDatabase } from '../database.js';
import { basic } from './world.js';

it('the module serves sign-in and tokens to an application and ends with it', async () => {
  const database = await createTestDatabase();
  const config = Config.read({ HALLMARK_ADMIN_PASSWORD: 'by the settings' });
  const feed = new ChangeFeed(database.url);
  const providers = [
    { provide: DataSource, useValue: database.source },
    { provide: CONFIG, useValue: config },
    { provide: ChangeFeed, useValue: feed },
  ];
  class Ground {}
  Module({ providers, exports: [DataSource, CONFIG, ChangeFeed] })(Ground);
  const app = await Test.createTestingModule({ imports: [AccessModule.register([Ground])] }).compile();
  await app.init();
  await feed.start();
  expect(await prepareAccess(database.source, config)).toBeUndefined();
  const admin = await app.get(Authenticator).authenticate(basic('admin', 'by the settings'), '::1');
  const { token } = await app.get(TokenIssuer).issue(admin, config.publicHost, []);
  expect(await app.get(TokenVerifier).verify(`Bearer ${token}`)).toMatchObject({ principal: { username: 'admin' } });
  await app.close();
  await feed.stop();
  await database.drop();
});

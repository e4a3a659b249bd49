import { Module, type DynamicModule, type ModuleMetadata, type BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { AccessChanges } from './access-changes.js';
import { Accounts } from './accounts.js';
import { Authenticator } from './authenticator.js';
import { PasswordHasher } from './password-hashing.js';
import { Permissions } from './permissions.js';
import { RobotUse } from './robot-use.js';
import { TokenIssuer } from './token-issuer.js';
import { TokenKeys } from './token-keys.js';
import { TokenVerifier } from './token-verifier.js';

const EXPORTS = [
  AccessChanges,
  Accounts,
  Authenticator,
  PasswordHasher,
  Permissions,
  RobotUse,
  TokenIssuer,
  TokenKeys,
  TokenVerifier,
];

/** Who somebody is and what he may do. `imports` are the modules that give DataSource, {@link ChangeFeed} and {@link CONFIG}. */
@Module({})
export class AccessModule {
  static register(imports: NonNullable<ModuleMetadata['imports']> = []): DynamicModule {
    return {
      module: AccessModule,
      imports,
      providers: [
        { provide: AccessLifecycle, inject: [AccessChanges, RobotUse], useFactory: lifecycle },
        { provide: AccessChanges, inject: [ChangeFeed], useFactory: (feed: ChangeFeed) => new AccessChanges(feed) },
        { provide: PasswordHasher, useFactory: () => new PasswordHasher() },
        { provide: RobotUse, inject: [DataSource], useFactory: (source: DataSource) => new RobotUse(source) },
        {
          provide: Accounts,
          inject: [DataSource, AccessChanges],
          useFactory: (source: DataSource, changes: AccessChanges) => new Accounts(source, changes),
        },
        {
          provide: Authenticator,
          inject: [DataSource, AccessChanges, PasswordHasher, RobotUse],
          useFactory: (source: DataSource, changes: AccessChanges, hasher: PasswordHasher, robotUse: RobotUse) =>
            new Authenticator(source, changes, { hasher, robotUse }),
        },
        {
          provide: Permissions,
          inject: [DataSource, AccessChanges],
          useFactory: (source: DataSource, changes: AccessChanges) => new Permissions(source, changes),
        },
        {
          provide: TokenKeys,
          inject: [DataSource, AccessChanges],
          useFactory: (source: DataSource, changes: AccessChanges) => new TokenKeys(source, changes),
        },
        {
          provide: TokenIssuer,
          inject: [TokenKeys, CONFIG],
          useFactory: (keys: TokenKeys, config: HallmarkConfig) => new TokenIssuer(keys, config),
        },
        {
          provide: TokenVerifier,
          inject: [TokenKeys, Accounts, AccessChanges, CONFIG],
          useFactory: (keys: TokenKeys, accounts: Accounts, changes: AccessChanges, config: HallmarkConfig) =>
            new TokenVerifier(keys, accounts, changes, config),
        },
      ],
      exports: EXPORTS,
    };
  }
}

/** Writes what is pending and stops listening when the process ends. */
class AccessLifecycle implements BeforeApplicationShutdown {
  constructor(
    private readonly changes: AccessChanges,
    private readonly robotUse: RobotUse,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    this.changes.stop();
    await this.robotUse.flush();
  }
}

function lifecycle(changes: AccessChanges, robotUse: RobotUse): AccessLifecycle {
  return new AccessLifecycle(changes, robotUse);
}

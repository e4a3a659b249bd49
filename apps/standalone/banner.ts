import type { HallmarkConfig } from '#platform/config.js';

/** What the first lines of a start say: where it is, the password when it was made up now, and what to type next. */
export function banner(config: HallmarkConfig, generatedPassword: string | undefined, seconds: number): string {
  const host = config.publicHost;
  const plain = config.publicUrl.startsWith('http:') ? ' --tls-verify=false' : '';
  const password = generatedPassword
    ? [
        `  admin's password   ${generatedPassword}   (shown this once; npx hallmark reset-admin-password makes a new one)`,
      ]
    : [];
  return [
    '',
    `  Hallmark is at     ${config.publicUrl}   (ready in ${seconds.toFixed(1)} s, Ctrl-C stops it)`,
    ...password,
    '',
    '  Next:',
    `    podman login${plain} -u admin ${host}`,
    `    podman push${plain} IMAGE ${host}/demo/app:1.0`,
    '    npx hallmark add-signing-service --help',
    '',
  ].join('\n');
}

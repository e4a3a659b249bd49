import type { HallmarkConfig } from '#platform/config.js';

/** What a start says once everything is there: where it is, and what to type next. */
export function banner(config: HallmarkConfig, seconds: number): string {
  const host = config.publicHost;
  const plain = config.publicUrl.startsWith('http:') ? ' --tls-verify=false' : '';
  return `
  Hallmark is at     ${config.publicUrl}   (ready in ${seconds.toFixed(1)} s, Ctrl-C stops it)

  Next:
    podman login${plain} -u admin ${host}
    podman push${plain} IMAGE ${host}/demo/app:1.0
    npx hallmark add-signing-service --help

`;
}

/** What a start says when it made the password of `admin` up. */
export function passwordLine(password: string): string {
  return `
  admin's password   ${password}   (shown this once; npx hallmark reset-admin-password makes a new one)
`;
}

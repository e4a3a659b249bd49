/** What clients may rely on, in the numbers of the software whose API this is; and our own. PEP 440. */
export const APP_VERSIONS: Readonly<Record<string, string>> = {
  core: '3.116.0',
  container: '2.29.0',
  hallmark: '0.1.0',
};

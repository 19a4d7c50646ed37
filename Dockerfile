# The gateway's image: Node and the bundle, nothing else. deploy/README.md says how to build and run it.
#
# The base image is pinned by version; where a registry is at hand, pin it by digest too
# (node:24.21.0-bookworm-slim@sha256:...), for a tag can be moved.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No package's install script runs: the image has the Node that one of them would fetch, and no other is needed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json build.ts ./
COPY src ./src
COPY layers ./layers
COPY migrations ./migrations
COPY policies/compiled ./policies/compiled
RUN npm run build

FROM ${NODE_IMAGE} AS gateway
# A running gateway needs no package managers, and they are most of what scanners find in the base image.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
    && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /gateway
# Owned by root: the gateway cannot change its own program.
COPY --from=build /build/dist ./
# What must survive a restart while PostgreSQL is away; the rest of the file system may be read-only.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/gateway
VOLUME /var/lib/gateway
ENV GATEWAY_PROFILE=production
# By number, so that orchestrators can see that it is not root.
USER 1000:1000
EXPOSE 8000
STOPSIGNAL SIGTERM
# Liveness, not readiness: a dependency that is down, or a drain, is no reason to restart.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "require('node:http').get({ host: '127.0.0.1', port: process.env.PORT || 8000, path: '/health', timeout: 2000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "main.js"]
CMD ["serve"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Constitutional Gateway" \
      org.opencontainers.image.description="Stands between two portals and one backend: who may do what, at what cost, with what record" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="LicenseRef-Proprietary"

# The appliance: Node, the packages it needs to run, and the source as it is. No build step, no shell script, no root.

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not the optional ones: they are the pinned Node, and this image has its own. TypeScript comes as a peer of tRPC's, for its types.
RUN npm ci --omit=dev --omit=optional && rm -rf node_modules/typescript

FROM node:24-bookworm-slim
WORKDIR /app
# The `multimail` command, for `docker compose exec multimail multimail …`.
RUN printf '#!/bin/sh\nexec node /app/server/cli/main.ts "$@"\n' >/usr/local/bin/multimail && chmod 755 /usr/local/bin/multimail \
 && mkdir /data && chown node:node /data
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY config ./config
COPY console ./console
COPY dns ./dns
COPY server ./server

# What Node compiles at the first start, types removed, is kept in the image: the root file system is read-only later, and each start is
# quicker and takes less memory.
ENV NODE_COMPILE_CACHE=/app/.compiled
RUN node --input-type=module -e "for (const file of ['app', 'doors/mcp-server', 'inbound/examine/examine-message', 'inbound/message/quick-mime']) await import('/app/server/' + file + '.ts')" \
 && MULTIMAIL_DATA_DIR=/tmp/first node server/cli/main.ts setup --domain first.test >/dev/null && rm -rf /tmp/first && chmod -R a+rX /app/.compiled

# Inside a container, "everywhere" is what the host chooses to publish.
# scripts/memory.mjs
ENV MALLOC_ARENA_MAX=2
ENV NODE_ENV=production \
    MULTIMAIL_DATA_DIR=/data \
    MULTIMAIL_SMTP_HOST=0.0.0.0 MULTIMAIL_SMTP_PORT=25 \
    MULTIMAIL_HTTP_HOST=0.0.0.0 MULTIMAIL_HTTP_PORT=8025
USER node
VOLUME /data
EXPOSE 25 8025
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8025/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=50", "--no-parallel-scavenge", "server/main.ts"]

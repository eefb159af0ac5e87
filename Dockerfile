# The ledger alone: production dependencies, no embedded servers. EVENTSTORE_URL and DATABASE_URL name the stores.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The workspace holds the embedded event store, which does not belong in here. No production dependency needs its
# install script.
RUN npm ci --omit=dev --workspaces=false --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 LEDGER_DATA_DIR=/var/lib/ledger
WORKDIR /app
RUN install --directory --owner=node --group=node /var/lib/ledger
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY migrations migrations
COPY src src
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=5 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: node is the container's first process and gets SIGTERM itself.
ENTRYPOINT ["node", "src/cli/ledger.ts"]
CMD ["start"]

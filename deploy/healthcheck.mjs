// Exit code 0 when the process of this container can do its work. Used by the health checks of docker-compose.yml.
const answer = await fetch(`http://127.0.0.1:${process.env.HALLMARK_PORT}/readyz`).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);

import net from 'node:net';

const { PORT, UPSTREAM = '' } = process.env;
const [host, port] = UPSTREAM.split(':');

function copy(from: net.Socket, to: net.Socket) {
  from.on('data', (bytes) => {
    if (to.write(bytes)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.on('close', () => to.destroy());
  from.on('error', () => to.destroy());
}

const server = net.createServer({ noDelay: true }, (client) => {
  const engine = net.connect({ host, port: Number(port), noDelay: true });
  copy(client, engine);
  copy(engine, client);
});
server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 });

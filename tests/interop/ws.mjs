// Our WebSockets against the package ws, in both roles, plain and over TLS.
// Usage: ws.mjs WS_ECHO_BINARY FOLDER_OF_THE_TEST_CERTIFICATES
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import WebSocket, { WebSocketServer } from 'ws';
import { check as checkOne, end } from './check.mjs';

const [echo, folder] = process.argv.slice(2);
const files = ['server.crt', 'server.key', 'ca.crt'].map((name) => `${folder}/${name}`);
const ca = readFileSync(files[2]);
const check = (name, body) => checkOne(name, body, 60000);

/** Our server; `stop` ends it. */
async function serve(tls) {
  const child = spawn(echo, tls ? files : [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const port = Number(/listening (\d+)/.exec(String(line))[1]);
  return {
    url: `${tls ? 'wss' : 'ws'}://localhost:${port}/federation`,
    stop: async () => { child.stdin.end(); await once(child, 'exit'); },
  };
}

async function open(url, options = {}) {
  const socket = new WebSocket(url, { ca, ...options });
  await once(socket, 'open');
  return socket;
}

async function answer(socket, text, options) {
  const came = once(socket, 'message');
  socket.send(text, options);
  const [data, binary] = await came;
  assert.equal(binary, false);
  return String(data);
}

/** Send something that breaks a rule: the code of the close that follows. */
async function breach(url, act) {
  const socket = await open(url);
  const closed = once(socket, 'close');
  socket.on('error', () => {});
  act(socket);
  const [code, reason] = await closed;
  assert.notEqual(String(reason), '');
  return code;
}

for (const tls of [false, true]) {
  const kind = tls ? 'over TLS' : 'plain';
  const server = await serve(tls);
  await check(`a client of ws is echoed, ${kind}`, async () => {
    const socket = await open(server.url);
    for (const text of ['', 'hello', 'h\u00e9llo \u{1f30d}', 'x'.repeat(70000), 'y'.repeat(5 << 20)])
      assert.equal(await answer(socket, text), text);
    const closed = once(socket, 'close');
    socket.close(1000, 'thanks');
    assert.equal((await closed)[0], 1000);
  });
  await check(`a thousand messages keep their order, ${kind}`, async () => {
    const socket = await open(server.url);
    const got = [];
    const all = new Promise((done) => socket.on('message', (data) => {
      if (got.push(String(data)) === 1000) done();
    }));
    for (let i = 0; i < 1000; i++) socket.send(`message ${i}`);
    await all;
    got.forEach((text, i) => assert.equal(text, `message ${i}`));
    socket.terminate();
  });
  await check(`fragments and pings, ${kind}`, async () => {
    const socket = await open(server.url);
    const pong = once(socket, 'pong');
    socket.ping('are you there');
    assert.equal(String((await pong)[0]), 'are you there');
    const came = once(socket, 'message');
    socket.send('one ', { fin: false });
    socket.ping();
    socket.send('two ', { fin: false });
    socket.send('three', { fin: true });
    assert.equal(String((await came)[0]), 'one two three');
    socket.close();
  });
  await check(`compression is not agreed to, ${kind}`, async () => {
    const socket = await open(server.url, { perMessageDeflate: true });
    assert.equal(socket.extensions, '');
    assert.equal(await answer(socket, 'z'.repeat(5000)), 'z'.repeat(5000));
    socket.terminate();
  });
  await check(`rules that are broken have their code, ${kind}`, async () => {
    assert.equal(await breach(server.url, (s) => s.send(Buffer.from([1, 2, 3]))), 1003);
    assert.equal(await breach(server.url, (s) => s.send('x'.repeat((8 << 20) + 1))), 1009);
    assert.equal(await breach(server.url, (s) => s.send(Buffer.from([0xff]), { binary: false })), 1007);
  });
  await check(`another path is refused, ${kind}`, async () => {
    const socket = new WebSocket(server.url.replace('federation', 'elsewhere'), { ca });
    const [error] = await once(socket, 'error');
    assert.match(error.message, /404/);
  });
  await check(`the same port answers HTTP, ${kind}`, async () => {
    const { default: http } = await import(tls ? 'node:https' : 'node:http');
    const url = server.url.replace('ws', 'http').replace('/federation', '/api/status');
    const [response] = await once(http.get(url, { ca }), 'response');
    assert.equal(response.statusCode, 200);
    response.resume();
  });
  await server.stop();

  await check(`our client is echoed by a server of ws, ${kind}`, async () => {
    const http = tls ? createServer({ cert: readFileSync(files[0]), key: readFileSync(files[1]) }) : null;
    const limits = { maxPayload: 16 << 20, perMessageDeflate: true };
    const wss = new WebSocketServer(tls ? { server: http, ...limits } : { port: 0, host: '127.0.0.1', ...limits });
    if (tls) http.listen(0, '127.0.0.1');
    await once(tls ? http : wss, 'listening');
    let closed = null;
    wss.on('connection', (socket) => {
      socket.on('message', (data, binary) => socket.send(data, { binary }));
      socket.on('close', (code, reason) => { closed = `${code} ${reason}`; });
    });
    const port = (tls ? http : wss).address().port;
    const child = spawn(echo, [...(tls ? files : []), 'dial',
      `${tls ? 'wss' : 'ws'}://localhost:${port}/federation`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (data) => { said += data; });
    const [code] = await once(child, 'exit');
    assert.equal(said.trim(), 'done');
    assert.equal(code, 0);
    for (let i = 0; i < 100 && closed === null; i++) await new Promise((next) => setTimeout(next, 20));
    assert.equal(closed, '1000 that was all');
    wss.close();
    http?.close();
  });
}
end();

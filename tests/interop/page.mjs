// The page examples/federation/js/browser.html against a node: its script in Node, with the package
// ws as WebSocket and as much of a document as it uses; and, where there is one, in a Chromium
// without a screen. Usage: page.mjs PANDO_BINARY BROWSER_HTML
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import vm from 'node:vm';
import WebSocket from 'ws';
import { check, end } from './check.mjs';
import { delta } from './fed_peer.mjs';
import { Pando, until } from './pando.mjs';

const html = readFileSync(process.argv[3], 'utf8');

// ---- the script in Node ----
class Element {
  children = [];
  own = '';
  value = '';
  get textContent() { return this.own + this.children.map((child) => child.textContent).join(''); }
  set textContent(text) { this.own = text; this.children = []; }
  get childElementCount() { return this.children.length; }
  get lastElementChild() { return this.children.at(-1); }
  adopt(child) { child.remove = () => { this.children = this.children.filter((one) => one !== child); }; return child; }
  append(child) { this.children.push(this.adopt(child)); }
  prepend(child) { this.children.unshift(this.adopt(child)); }
  requestSubmit() { this.onsubmit({ preventDefault() {} }); }
}
async function inNode(origin) {
  const elements = new Map([...html.matchAll(/ id="(\w+)"(?:[^>]*? value="([^"]*)")?/g)].map(([, id, value]) => {
    const element = new Element();
    element.value = value ?? '';
    return [id, element];
  }));
  const sockets = [];
  class FromPage extends WebSocket { // a browser sends the page's origin
    constructor(url) { super(url, { origin }); sockets.push(this); this.on('error', () => {}); }
  }
  const context = vm.createContext({
    WebSocket: FromPage, crypto, location: { origin },
    document: { getElementById: (id) => elements.get(id), createElement: () => new Element() },
  });
  vm.runInContext(/<script>(.*)<\/script>/s.exec(html)[1], context);
  return {
    run: async (expression) => vm.runInContext(expression, context),
    close: async () => sockets.forEach((socket) => socket.terminate()),
  };
}

// ---- the page in a browser, over its debugging protocol ----
class Chromium {
  static find() {
    return ['chromium', 'chromium-browser', 'google-chrome', 'chrome'].find(
      (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  }
  async start(program) {
    this.folder = mkdtempSync(join(tmpdir(), 'pando-page-'));
    this.child = spawn(program, ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
      '--remote-debugging-port=0', `--user-data-dir=${this.folder}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] });
    for await (const line of createInterface({ input: this.child.stderr })) {
      const found = /^DevTools listening on (ws:.*)$/.exec(line);
      if (found === null) continue;
      this.socket = new WebSocket(found[1]);
      break;
    }
    this.child.stderr.resume();
    await once(this.socket, 'open');
    this.waiting = new Map();
    this.socket.on('message', (data) => {
      const { id, result, error } = JSON.parse(data);
      this.waiting.get(id)?.(error === undefined ? result : { error });
      this.waiting.delete(id);
    });
  }
  call(method, params, sessionId) {
    const id = (this.last = (this.last ?? 0) + 1);
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve) => { this.waiting.set(id, resolve); });
  }
  async open(url) {
    const { targetId } = await this.call('Target.createTarget', { url });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const run = async (expression) => {
      const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, returnByValue: true }, sessionId);
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description);
      return result.value;
    };
    await until('the page is loaded', 20, () => run('document.readyState === "complete" && location.href !== "about:blank"'));
    return { run, close: () => this.call('Target.closeTarget', { targetId }) };
  }
  async stop() {
    this.socket.close();
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await gone;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 30, retryDelay: 100 });
  }
}

/** A place that a page comes from. */
async function serve() {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://localhost:${server.address().port}` };
}

// ---- what holds for both ----
const text = (id) => `document.getElementById('${id}').textContent`;
const set = (id, value) => `document.getElementById('${id}').value = ${JSON.stringify(value)}`;
const submit = (id) => `document.getElementById('${id}').requestSubmit()`;

async function connected(page, url) {
  await page.run(set('url', url));
  await page.run(submit('connect'));
}
async function showsAndSays(page, ask, url) {
  const before = await ask('delta.create', { pointers: delta().pointers, author: '<b>before</b>' });
  await connected(page, url);
  await until('it is synchronised', 20, async () => /synchronised$/.test(await page.run(text('status'))));
  assert.match(await page.run(text('deltas')), /<b>before<\/b>@/);
  assert.notEqual(before.id, undefined);
  await ask('delta.create', { pointers: delta().pointers, author: 'live' });
  await until('what is new is shown', 20, async () => /live@/.test(await page.run(text('deltas'))));
  await page.run(set('value', 'from a page'));
  await page.run(submit('say'));
  await until('it is stored', 20, async () => /is stored$/.test(await page.run(text('status'))));
  const { deltas } = await ask('delta.query', { filter: { authors: ['browser'] } });
  assert.equal(deltas.length, 1);
  assert.deepEqual(deltas[0].pointers[0].target, { id: 'note_1', context: 'text' });
  assert.equal(deltas[0].pointers[1].target, 'from a page');
  assert.equal(await page.run(text('count')), '3');
}
async function staysOutside(page, remedy, url) {
  await connected(page, url);
  await until('it is told why', 20, async () => (await page.run(text('status'))).includes(remedy));
  assert.equal(await page.run("document.getElementById('deltas').childElementCount"), 0);
}

const ours = await serve(), foreign = await serve();
const pando = new Pando(process.argv[2]);
await pando.start('page', '--federation-origins', ours.origin);
let spaces = 0;
async function both(where, open) {
  const name = `page${++spaces}`;
  await pando.post('space.create', { name, kind: 'delta', settings: { systemId: 'pando' } });
  const ask = (verb, args) => pando.post(verb, { space: name, ...args });
  const url = `ws://127.0.0.1:${pando.http}/federation/${name}`;
  await check(`${where}: the page shows what is there and what comes, and says something`, async () => {
    const page = await open(ours.origin);
    try { await showsAndSays(page, ask, url); } finally { await page.close(); }
  });
  await check(`${where}: the page of another origin reads nothing, and tells why`, async () => {
    const page = await open(foreign.origin);
    try { await staysOutside(page, `federation.origins list ${foreign.origin}?`, url); } finally { await page.close(); }
  });
}

await both('Node', inNode);
const program = Chromium.find();
if (program === undefined) {
  console.log('no Chromium here: the page was run in Node only');
} else {
  const browser = new Chromium();
  await browser.start(program);
  await both(program, (origin) => browser.open(`${origin}/`));
  await check(`${program}: a page from a file, whose origin is null, stays outside`, async () => {
    const page = await browser.open(`file://${process.argv[3]}`);
    try { await staysOutside(page, 'files have no origin', `ws://127.0.0.1:${pando.http}/federation/page1`); } finally { await page.close(); }
  });
  await browser.stop();
}
await pando.stop();
for (const { server } of [ours, foreign]) server.close();
end(pando.log);

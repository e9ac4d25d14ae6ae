// What every suite here does with its checks: run one, print a line, count, and end with the count.

let passed = 0, failed = 0;

/** A check that is not done within `limit` ms ends the suite; 0: it may take what it takes. */
export async function check(name, body, limit = 0) {
  const begin = Date.now();
  const late = limit === 0 ? null : setTimeout(() => {
    console.log(`FAIL  ${name}: late`);
    process.exit(1);
  }, limit);
  try {
    await body();
    passed++;
    console.log(`ok    ${name} (${Date.now() - begin} ms)`);
  } catch (error) {
    fail(name, error);
  }
  clearTimeout(late);
}

export function fail(name, error) {
  failed++;
  console.log(`FAIL  ${name}: ${error.stack}`);
}

/** The last line; before it, where something failed, what the suite has to show. */
export function end(log = '') {
  if (failed > 0 && log !== '') console.log(`--- the end of pando's output ---\n${log.slice(-3000)}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

// What runs this code. Runtimes differ in the last bit of Math.exp or `**`, and in how they compile shaders.

/** Of user agents, the more specific first: Edge calls itself Chrome as well, and every browser but Firefox Safari. */
const BROWSERS = [
  ['Edge', /\bEdg\/(\d+)/],
  ['Chrome', /\bChrom(?:e|ium)\/(\d+)/],
  ['Chrome', /\bHeadlessChrome\/(\d+)/],
  ['Firefox', /\bFirefox\/(\d+)/],
  ['Safari', /\bVersion\/(\d+)/],
  ['Deno', /\bDeno\/(\d+)/],
] as const;

/** `Node 24`, `Chrome 147`: its name and major version. */
export function runtimeName(
  agent: string | undefined = typeof navigator === 'undefined' ? undefined : navigator.userAgent,
  node: string | undefined = typeof process === 'undefined' ? undefined : process.versions?.node,
): string {
  for (const [name, pattern] of BROWSERS) {
    const version = pattern.exec(agent ?? '')?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return node === undefined ? 'an unknown browser' : `Node ${node.split('.', 1)[0]}`;
}

// build/wasm-plugin.ts gives these modules: base64 of the compiled kernels.

declare module '*?assemblyscript' {
  const base64: string;
  export default base64;
}

declare module '*?assemblyscript&relaxed' {
  const base64: string;
  export default base64;
}
